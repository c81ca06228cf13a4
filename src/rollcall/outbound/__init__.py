"""Calls to addresses that people wrote down: only where they may go, and small documents fetched from there."""

from rollcall.outbound.addresses import Reach, address_fault, refused_address
from rollcall.outbound.calling import AddressRefused, client_host, open_session
from rollcall.outbound.documents import Document, FetchFailed, Limits, ask, fetch_json, fetch_text

__all__ = [
    "AddressRefused",
    "Document",
    "FetchFailed",
    "Limits",
    "Reach",
    "address_fault",
    "ask",
    "client_host",
    "fetch_json",
    "fetch_text",
    "open_session",
    "refused_address",
]
