"""Provisioning: makes targets agree with sources, and says what it did."""

from rollcall.provisioning.applying import check_fits
from rollcall.provisioning.approvals import Compressed, decide
from rollcall.provisioning.audit import AuditRecord, read_audit
from rollcall.provisioning.capability_report import Capability, CapabilityReport
from rollcall.provisioning.changing import (
    allow_held,
    change_job_credentials,
    change_job_schema,
    change_job_settings,
    reject_held,
)
from rollcall.provisioning.connection import Service, test_connection, test_job
from rollcall.provisioning.connectors.contract import Verdict
from rollcall.provisioning.credential_expiry import announce_expiries, parse_expiry, replace_credentials
from rollcall.provisioning.cycle import CycleResult
from rollcall.provisioning.cycles import (
    Arrival,
    Cycle,
    Standing,
    arrival,
    recent_cycles,
    standing,
)
from rollcall.provisioning.deliveries import (
    Attempt,
    Delivery,
    LoggedAttempt,
    ToldNotice,
    list_notices,
    prune_notices,
    webhook_log,
)
from rollcall.provisioning.delivering import Deliverer, Ways, send_test_mail, send_test_webhook
from rollcall.provisioning.demand_report import DemandReport, DemandStep, to_graph
from rollcall.provisioning.discovering import capabilities_of_job
from rollcall.provisioning.due_deletions import count_due_deletions
from rollcall.provisioning.escrow_commands import FailureDetails, failures_of, give_up_failures, retry_failures
from rollcall.provisioning.escrows import RetryTime, retry_time
from rollcall.provisioning.explained import ExplainedObject, PastStep, ReferenceFacts
from rollcall.provisioning.explaining import explain_object
from rollcall.provisioning.expression import Explanation, compile_expression, log_form
from rollcall.provisioning.expression_vectors import run_vector
from rollcall.provisioning.failure_classes import FAILURE_CLASSES
from rollcall.provisioning.failures import (
    Failure,
    FailureCounts,
    FailureFilter,
    FailureKey,
    WaitingFailure,
    clear_escrows,
    count_failures,
    list_failures,
    waiting_failures,
)
from rollcall.provisioning.gate import AWAITS_APPROVAL
from rollcall.provisioning.gauges import JobGauges, job_gauges
from rollcall.provisioning.health import Quarantine, slows
from rollcall.provisioning.job_settings import parse_interval, print_interval
from rollcall.provisioning.job_states import not_before, restart, set_state
from rollcall.provisioning.jobs import (
    PROGRESS_CHANNEL,
    Job,
    NewJob,
    change_schema,
    change_settings,
    credentials,
    default_schema,
    delete_job,
    find_job,
    list_jobs,
    read_job,
    set_credentials,
)
from rollcall.provisioning.lifecycle import pause_job, read_status, restart_job, start_job
from rollcall.provisioning.log_attributes import number_older
from rollcall.provisioning.log_export import CSV_TABLES, LOGS, csv_line, json_line
from rollcall.provisioning.log_filter import ACTIONS, STATUSES, LogFilter, parse_time
from rollcall.provisioning.log_following import LogPosition, follow_log, log_position
from rollcall.provisioning.log_queries import (
    LogPage,
    check_known,
    knows_source,
    log_records,
    read_log,
)
from rollcall.provisioning.log_record import Initiator, provisioning_object_summary, remedy_for
from rollcall.provisioning.log_retention import TenantSettings, change_tenant_settings, prune_history, tenant_settings
from rollcall.provisioning.metrics import Metrics, described
from rollcall.provisioning.model import JobSettings, Key, LeftOut
from rollcall.provisioning.notice_rules import EVENTS
from rollcall.provisioning.notices import Notice, announce
from rollcall.provisioning.notification_settings import (
    parse_notification_settings,
    print_notification_settings,
    split_recipients,
)
from rollcall.provisioning.object_records import kind_of
from rollcall.provisioning.on_demand import Demanded, choose_by_filter, provision_on_demand
from rollcall.provisioning.plan_document import PlanHead, referring, totals
from rollcall.provisioning.plan_document import expected as plan_expectation
from rollcall.provisioning.plan_document import warnings as plan_warnings
from rollcall.provisioning.plan_files import document as plan_document
from rollcall.provisioning.plan_files import document_lines as plan_lines
from rollcall.provisioning.plan_files import html_page as plan_page
from rollcall.provisioning.plan_files import read_document as read_plan
from rollcall.provisioning.plan_reading import ReadPlan, objects_of, planned_of
from rollcall.provisioning.plan_reading import whole as plan_whole
from rollcall.provisioning.planned import PlannedCycle, PlannedObject, PlannedSkip
from rollcall.provisioning.plans import (
    StoredPlan,
    has_worker,
    last_plan,
    list_plans,
    measured_rate,
    plan_pieces,
    read_plan_row,
)
from rollcall.provisioning.progress import Progress, progress
from rollcall.provisioning.quarantine_advice import advice
from rollcall.provisioning.road import Counts, Observer
from rollcall.provisioning.scope_comparison import ScopeChange, ScopePreview
from rollcall.provisioning.scope_preview import preview_scope
from rollcall.provisioning.service import (
    apply_plan,
    apply_planned,
    check_no_approval_of,
    check_no_cycle,
    create_tested_job,
    left_out,
    plan_job,
    run_job,
)
from rollcall.provisioning.staging import Held, HeldObject, list_held, list_held_objects
from rollcall.provisioning.sync_schema import SchemaFindings, check_schema, examine_schema, with_what_was_left_out
from rollcall.provisioning.synchronization_status import JobStatus, pages, synchronization_job
from rollcall.provisioning.trying import (
    attributes_for,
    attributes_of_user,
    check_expression,
    trial_context,
    unknown_in_trial,
)
from rollcall.provisioning.webhook_sending import WebhookClient
from rollcall.provisioning.webhooks import (
    Webhook,
    add_webhook,
    find_webhook,
    list_webhooks,
    remove_webhook,
    rotate_secret,
)
from rollcall.provisioning.worker import Worker

__all__ = [
    "ACTIONS",
    "AWAITS_APPROVAL",
    "CSV_TABLES",
    "EVENTS",
    "FAILURE_CLASSES",
    "LOGS",
    "PROGRESS_CHANNEL",
    "STATUSES",
    "Arrival",
    "Attempt",
    "AuditRecord",
    "Capability",
    "CapabilityReport",
    "Compressed",
    "Counts",
    "Cycle",
    "CycleResult",
    "Deliverer",
    "Delivery",
    "DemandReport",
    "DemandStep",
    "Demanded",
    "ExplainedObject",
    "Explanation",
    "Failure",
    "FailureCounts",
    "FailureDetails",
    "FailureFilter",
    "FailureKey",
    "Held",
    "HeldObject",
    "Initiator",
    "Job",
    "JobGauges",
    "JobSettings",
    "JobStatus",
    "Key",
    "LeftOut",
    "LogFilter",
    "LogPage",
    "LogPosition",
    "LoggedAttempt",
    "Metrics",
    "NewJob",
    "Notice",
    "Observer",
    "PastStep",
    "PlanHead",
    "PlannedCycle",
    "PlannedObject",
    "PlannedSkip",
    "Progress",
    "Quarantine",
    "ReadPlan",
    "ReferenceFacts",
    "RetryTime",
    "SchemaFindings",
    "ScopeChange",
    "ScopePreview",
    "Service",
    "Standing",
    "StoredPlan",
    "TenantSettings",
    "ToldNotice",
    "Verdict",
    "WaitingFailure",
    "Ways",
    "Webhook",
    "WebhookClient",
    "Worker",
    "add_webhook",
    "advice",
    "allow_held",
    "announce",
    "announce_expiries",
    "apply_plan",
    "apply_planned",
    "arrival",
    "attributes_for",
    "attributes_of_user",
    "capabilities_of_job",
    "change_job_credentials",
    "change_job_schema",
    "change_job_settings",
    "change_schema",
    "change_settings",
    "change_tenant_settings",
    "check_expression",
    "check_fits",
    "check_known",
    "check_no_approval_of",
    "check_no_cycle",
    "check_schema",
    "choose_by_filter",
    "clear_escrows",
    "compile_expression",
    "count_due_deletions",
    "count_failures",
    "create_tested_job",
    "credentials",
    "csv_line",
    "decide",
    "default_schema",
    "delete_job",
    "described",
    "examine_schema",
    "explain_object",
    "failures_of",
    "find_job",
    "find_webhook",
    "follow_log",
    "give_up_failures",
    "has_worker",
    "job_gauges",
    "json_line",
    "kind_of",
    "knows_source",
    "last_plan",
    "left_out",
    "list_failures",
    "list_held",
    "list_held_objects",
    "list_jobs",
    "list_notices",
    "list_plans",
    "list_webhooks",
    "log_form",
    "log_position",
    "log_records",
    "measured_rate",
    "not_before",
    "number_older",
    "objects_of",
    "pages",
    "parse_expiry",
    "parse_interval",
    "parse_notification_settings",
    "parse_time",
    "pause_job",
    "plan_document",
    "plan_expectation",
    "plan_job",
    "plan_lines",
    "plan_page",
    "plan_pieces",
    "plan_warnings",
    "plan_whole",
    "planned_of",
    "preview_scope",
    "print_interval",
    "print_notification_settings",
    "progress",
    "provision_on_demand",
    "provisioning_object_summary",
    "prune_history",
    "prune_notices",
    "read_audit",
    "read_job",
    "read_log",
    "read_plan",
    "read_plan_row",
    "read_status",
    "recent_cycles",
    "referring",
    "reject_held",
    "remedy_for",
    "remove_webhook",
    "replace_credentials",
    "restart",
    "restart_job",
    "retry_failures",
    "retry_time",
    "rotate_secret",
    "run_job",
    "run_vector",
    "send_test_mail",
    "send_test_webhook",
    "set_credentials",
    "set_state",
    "slows",
    "split_recipients",
    "standing",
    "start_job",
    "synchronization_job",
    "tenant_settings",
    "test_connection",
    "test_job",
    "to_graph",
    "totals",
    "trial_context",
    "unknown_in_trial",
    "waiting_failures",
    "webhook_log",
    "with_what_was_left_out",
]
