"""The configuration: models, where their values come from, and errors that say what would be right."""

from reconcile_actors.config.load import load, load_text
from reconcile_actors.config.models import (
    AlertsConfig,
    AlertSinkConfig,
    AuditConfig,
    BookConfig,
    ExchangeConfig,
    ReconciliationConfig,
    Settings,
    SocketConfig,
    StoreConfig,
    ValuationConfig,
)

__all__ = [
    "AlertSinkConfig",
    "AlertsConfig",
    "AuditConfig",
    "BookConfig",
    "ExchangeConfig",
    "ReconciliationConfig",
    "Settings",
    "SocketConfig",
    "StoreConfig",
    "ValuationConfig",
    "load",
    "load_text",
]
