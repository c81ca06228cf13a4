"""What to do about a quarantine, for each reason, in one or two sentences."""

from __future__ import annotations

from rollcall.provisioning.failure_classes import class_of
from rollcall.provisioning.health import Quarantine, QuarantineReason

_ADVICE: dict[QuarantineReason, str] = {
    "EncounteredBaseEscrowThreshold": "Look at what fails most, correct it at its root, and start the job.",
    "EncounteredTotalEscrowThreshold": "Look at what fails most, references included, correct it at its root, and start the job.",
    "EncounteredEscrowProportionThreshold": "Look at what fails most, correct it at its root, and start the job.",
    "EncounteredQuarantineException": "Test the connection, correct it, and start the job.",
    "QuarantinedOnDemand": "Somebody put it there; start the job when it may go on.",
    "TooManyDeletes": "Look at the removals that are held back: rollcall job held. Allow them, or repair source, assignments or filter and reject them.",
    "IngestionInterrupted": "The directory could not be read. Nothing has to be done in the application; if it stays, see the worker's log.",
    "Unknown": "The service itself failed. Nothing has to be done in the application; if it stays, see the worker's log.",
}


def advice(quarantine: Quarantine) -> str:
    """What to do about it: the remedy of the failure behind it where there is one, else that of the reason."""
    remedy = class_of(quarantine.code).remedy if quarantine.reason == "EncounteredQuarantineException" else ""
    return " ".join(part for part in (remedy, _ADVICE[quarantine.reason]) if part)
