"""The backups of the accounts table in the stack's vault."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind
from ops.doctor.stack_view import StackView

MISSING = Kind(
    "backup-missing",
    "If point-in-time recovery is disabled as well, the ledger cannot be restored.",
    "backupmissing",
)
RECENT = timedelta(hours=30)
"""As in the alarm BackupMissing: the plan makes a backup every day, which may take some hours."""


def check(view: StackView) -> Iterator[Finding]:
    """Checks that the vault has a recent backup of the accounts table."""
    for name in view.of_type("AWS::Backup::BackupVault"):
        client, vault, table = view.client("backup"), view.physical_ids[name], view.arn("AccountsTable")
        described = found(partial(client.describe_backup_vault, BackupVaultName=vault))
        if described is None:
            yield deleted(view, name)
            continue
        if view.now - max(view.created_at, described["CreationDate"]) < RECENT:
            continue
        pages = client.get_paginator("list_recovery_points_by_backup_vault").paginate(
            BackupVaultName=vault, ByResourceArn=table, ByCreatedAfter=view.now - RECENT
        )
        if not any(point["Status"] == "COMPLETED" for page in pages for point in page["RecoveryPoints"]):
            days = view.parameters.get("BackupRetentionDays", "35")
            repair = f"aws backup start-backup-job --backup-vault-name {vault} --resource-arn {table}"
            repair += f" --iam-role-arn {view.arn('BackupRole')} --lifecycle DeleteAfterDays={days}"
            yield MISSING.at(vault, "The vault has no backup of the accounts table of the last 30 hours.", repair)
