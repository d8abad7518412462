"""The spine."""

import sqlalchemy as sa
from alembic import op
from app.extensions import Id
from app.extensions import Json
from app.extensions import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:

    op.create_table(
        "addresses",
        sa.Column("id", Id, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("unsubscribed_at", UtcDateTime(), nullable=True),
        sa.Column("suppressed_at", UtcDateTime(), nullable=True),
        sa.Column("suppressed_because", sa.String(), nullable=True),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
        sa.UniqueConstraint("channel", "value", name=op.f("uq_addresses_channel_value")),
    )
    op.create_table(
        "contact_changes",
        sa.Column("id", Id, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.String(), nullable=True),
        sa.Column("old", Json, nullable=True),
        sa.Column("new", Json, nullable=True),
        sa.Column("cause_id", sa.BigInteger(), nullable=True),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_changes")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "contact_locks",
        sa.Column("contact_id", Id, autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("ready_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_contact_locks")),
    )
    with op.batch_alter_table("contact_locks", schema=None) as batch_op:
        batch_op.create_index(
            "ix_contact_locks_ready", ["contact_id"], unique=False, postgresql_where="ready_at IS NOT NULL"
        )

    op.create_table(
        "contacts",
        sa.Column("id", Id, nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("sampling_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("consents", Json, nullable=False),
        sa.Column("profile_at", UtcDateTime(), nullable=False),
        sa.Column("unsubscribed_at", UtcDateTime(), nullable=True),
        sa.Column("erased_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("public_id", name=op.f("uq_contacts_public_id")),
    )
    op.create_table(
        "departments",
        sa.Column("id", Id, nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departments")),
        sa.UniqueConstraint("slug", name=op.f("uq_departments_slug")),
    )
    op.create_table(
        "dirty_days",
        sa.Column("id", Id, nullable=False),
        sa.Column("moment", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dirty_days")),
    )
    op.create_table(
        "event_keys",
        sa.Column("event_id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_keys")),
        sa.UniqueConstraint("source_id", "external_id", name=op.f("uq_event_keys_source_id_external_id")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("beat_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sampling_salt", sa.LargeBinary(), nullable=False),
        sa.Column("holdout_salt", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sending_stopped_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=True),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "merge_candidates",
        sa.Column("event_id", Id, autoincrement=False, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_merge_candidates")),
    )
    op.create_table(
        "offers",
        sa.Column("id", Id, nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
        sa.UniqueConstraint("slug", name=op.f("uq_offers_slug")),
    )
    op.create_table(
        "pending_events",
        sa.Column("event_id", Id, autoincrement=False, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("ambiguous", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("dead_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_pending_events")),
    )
    with op.batch_alter_table("pending_events", schema=None) as batch_op:
        batch_op.create_index("ix_pending_events_contact", ["contact_id"], unique=False)
        batch_op.create_index(
            "ix_pending_events_unresolved",
            ["event_id"],
            unique=False,
            postgresql_where="contact_id IS NULL AND dead_at IS NULL",
        )

    op.create_table(
        "policy_versions",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_policy_versions")),
    )
    op.create_table(
        "segments",
        sa.Column("id", Id, nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
        sa.UniqueConstraint("slug", name=op.f("uq_segments_slug")),
    )
    op.create_table(
        "sources",
        sa.Column("id", Id, nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("secrets", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("mapped", sa.Boolean(), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
        sa.UniqueConstraint("slug", name=op.f("uq_sources_slug")),
    )
    op.create_table(
        "surveys",
        sa.Column("id", Id, nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_surveys")),
        sa.UniqueConstraint("slug", name=op.f("uq_surveys_slug")),
    )
    op.create_table(
        "triggers",
        sa.Column("id", Id, nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_triggers")),
        sa.UniqueConstraint("slug", name=op.f("uq_triggers_slug")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", Id, nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_api_keys_source_id_sources")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_id", name=op.f("uq_api_keys_key_id")),
    )
    op.create_table(
        "complaints",
        sa.Column("contact_id", Id, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_complaints_contact_id_contacts")),
        sa.PrimaryKeyConstraint("contact_id", "key", name=op.f("pk_complaints")),
    )
    op.create_table(
        "condition_misses",
        sa.Column("id", Id, nullable=False),
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("clause", sa.SmallInteger(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_condition_misses_trigger_id_triggers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_condition_misses")),
    )
    with op.batch_alter_table("condition_misses", schema=None) as batch_op:
        batch_op.create_index("ix_condition_misses_day", ["trigger_id", "day"], unique=False)

    op.create_table(
        "contact_addresses",
        sa.Column("contact_id", Id, nullable=False),
        sa.Column("address_id", Id, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["address_id"], ["addresses.id"], name=op.f("fk_contact_addresses_address_id_addresses")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_contact_addresses_contact_id_contacts")),
        sa.PrimaryKeyConstraint("contact_id", "address_id", name=op.f("pk_contact_addresses")),
    )
    with op.batch_alter_table("contact_addresses", schema=None) as batch_op:
        batch_op.create_index("ix_contact_addresses_address", ["address_id"], unique=False)

    op.create_table(
        "decisions",
        sa.Column("event_id", Id, autoincrement=False, nullable=False),
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("detail", Json, nullable=True),
        sa.Column("next_possible_at", UtcDateTime(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("trigger_version", sa.Integer(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_decisions_trigger_id_triggers")),
        sa.PrimaryKeyConstraint("event_id", "trigger_id", name=op.f("pk_decisions")),
    )
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.create_index("ix_decisions_contact", ["contact_id", "event_id"], unique=False)
        batch_op.create_index("ix_decisions_trigger", ["trigger_id", "event_id"], unique=False)

    op.create_table(
        "effects",
        sa.Column("id", Id, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("trigger_version", sa.Integer(), nullable=False),
        sa.Column("action", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("dead_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_effects_trigger_id_triggers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effects")),
    )
    with op.batch_alter_table("effects", schema=None) as batch_op:
        batch_op.create_index(
            "ix_effects_waiting", ["id"], unique=False, postgresql_where="done_at IS NULL AND dead_at IS NULL"
        )
        batch_op.create_index("uq_effects_once", ["event_id", "trigger_id", "action"], unique=True)

    op.create_table(
        "events",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("contact", Json, nullable=True),
        sa.Column("properties", Json, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("cause_id", sa.BigInteger(), nullable=True),
        sa.Column("depth", sa.SmallInteger(), nullable=False),
        sa.Column("history", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_events_source_id_sources")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(
            "ix_events_story",
            ["contact_id", "type", "occurred_at"],
            unique=False,
            postgresql_where="contact_id IS NOT NULL",
        )

    op.create_table(
        "identities",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("namespace", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("contact_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_identities_contact_id_contacts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("kind", "namespace", "value", name=op.f("uq_identities_kind_namespace_value")),
    )
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identities_contact_id"), ["contact_id"], unique=False)

    op.create_table(
        "offer_codes",
        sa.Column("id", Id, nullable=False),
        sa.Column("offer_id", Id, nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("response_id", sa.BigInteger(), nullable=True),
        sa.Column("given_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name=op.f("fk_offer_codes_offer_id_offers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer_codes")),
        sa.UniqueConstraint("offer_id", "code", name=op.f("uq_offer_codes_offer_id_code")),
        sa.UniqueConstraint("response_id", name=op.f("uq_offer_codes_response_id")),
    )
    with op.batch_alter_table("offer_codes", schema=None) as batch_op:
        batch_op.create_index(
            "ix_offer_codes_free", ["offer_id", "id"], unique=False, postgresql_where="response_id IS NULL"
        )

    op.create_table(
        "payloads",
        sa.Column("id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("headers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("errors", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_payloads_source_id_sources")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payloads")),
    )
    with op.batch_alter_table("payloads", schema=None) as batch_op:
        batch_op.create_index("ix_payloads_source_state", ["source_id", "state", "id"], unique=False)

    op.create_table(
        "rollups",
        sa.Column("id", Id, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("survey_id", Id, nullable=False),
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("touchpoint", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("handed_over", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("promoters", sa.Integer(), nullable=False),
        sa.Column("passives", sa.Integer(), nullable=False),
        sa.Column("detractors", sa.Integer(), nullable=False),
        sa.Column("satisfied", sa.Integer(), nullable=False),
        sa.Column("csat_count", sa.Integer(), nullable=False),
        sa.Column("ces_count", sa.Integer(), nullable=False),
        sa.Column("ces_sum", sa.Float(), nullable=False),
        sa.Column("ces_squares", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["survey_id"], ["surveys.id"], name=op.f("fk_rollups_survey_id_surveys")),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_rollups_trigger_id_triggers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollups")),
    )
    with op.batch_alter_table("rollups", schema=None) as batch_op:
        batch_op.create_index("ix_rollups_day", ["day"], unique=False)

    op.create_table(
        "survey_versions",
        sa.Column("id", Id, nullable=False),
        sa.Column("survey_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["survey_id"], ["surveys.id"], name=op.f("fk_survey_versions_survey_id_surveys")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_versions")),
        sa.UniqueConstraint("survey_id", "number", name=op.f("uq_survey_versions_survey_id_number")),
    )
    op.create_table(
        "trigger_versions",
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_trigger_versions_trigger_id_triggers")),
        sa.PrimaryKeyConstraint("trigger_id", "number", name=op.f("pk_trigger_versions")),
    )
    op.create_table(
        "invitations",
        sa.Column("id", Id, nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("trigger_version", sa.Integer(), nullable=False),
        sa.Column("action", sa.SmallInteger(), nullable=False),
        sa.Column("contact_id", Id, nullable=False),
        sa.Column("address_id", Id, nullable=False),
        sa.Column("survey_version_id", Id, nullable=True),
        sa.Column("class", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("touchpoint", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("planned_at", UtcDateTime(), nullable=False),
        sa.Column("stale_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("expires_after", sa.Integer(), nullable=True),
        sa.Column("handed_over_at", UtcDateTime(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name=op.f("fk_invitations_address_id_addresses")),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_invitations_contact_id_contacts")),
        sa.ForeignKeyConstraint(
            ["survey_version_id"], ["survey_versions.id"], name=op.f("fk_invitations_survey_version_id_survey_versions")
        ),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_invitations_trigger_id_triggers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("event_id", "trigger_id", "action", name=op.f("uq_invitations_event_id_trigger_id_action")),
        sa.UniqueConstraint("public_id", name=op.f("uq_invitations_public_id")),
    )
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.create_index("ix_invitations_contact", ["contact_id"], unique=False)
        batch_op.create_index("ix_invitations_due", ["due_at"], unique=False, postgresql_where="due_at IS NOT NULL")
        batch_op.create_index(
            "ix_invitations_expires", ["expires_at"], unique=False, postgresql_where="state IN ('open', 'started')"
        )
        batch_op.create_index("ix_invitations_handed_over", ["handed_over_at"], unique=False)

    op.create_table(
        "tasks",
        sa.Column("id", Id, nullable=False),
        sa.Column("effect_id", Id, nullable=False),
        sa.Column("department_id", Id, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("trigger_id", Id, nullable=False),
        sa.Column("trigger_version", sa.Integer(), nullable=False),
        sa.Column("action", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("cause", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.Column("announced_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_tasks_department_id_departments")),
        sa.ForeignKeyConstraint(["effect_id"], ["effects.id"], name=op.f("fk_tasks_effect_id_effects")),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name=op.f("fk_tasks_trigger_id_triggers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("effect_id", name=op.f("uq_tasks_effect_id")),
    )
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.create_index("ix_tasks_inbox", ["department_id", "status", "due_at"], unique=False)
        batch_op.create_index(
            "ix_tasks_unannounced",
            ["id"],
            unique=False,
            postgresql_where="resolved_at IS NOT NULL AND announced_at IS NULL",
        )

    op.create_table(
        "deliveries",
        sa.Column("id", Id, nullable=False),
        sa.Column("invitation_id", Id, nullable=True),
        sa.Column("effect_id", Id, nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("notice", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("act_at", UtcDateTime(), nullable=True),
        sa.Column("claimed_at", UtcDateTime(), nullable=True),
        sa.Column("begun_at", UtcDateTime(), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["effect_id"], ["effects.id"], name=op.f("fk_deliveries_effect_id_effects")),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitations.id"], name=op.f("fk_deliveries_invitation_id_invitations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index("ix_deliveries_act", ["act_at"], unique=False, postgresql_where="act_at IS NOT NULL")
        batch_op.create_index("ix_deliveries_invitation", ["invitation_id"], unique=False)
        batch_op.create_index("ix_deliveries_pace", ["channel", "claimed_at"], unique=False)
        batch_op.create_index("uq_deliveries_effect", ["effect_id"], unique=True)

    op.create_table(
        "reservations",
        sa.Column("invitation_id", Id, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("address_id", Id, nullable=False),
        sa.Column("class", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("survey", sa.String(), nullable=True),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("counts_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name=op.f("fk_reservations_address_id_addresses")),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitations.id"], name=op.f("fk_reservations_invitation_id_invitations")
        ),
        sa.PrimaryKeyConstraint("invitation_id", name=op.f("pk_reservations")),
    )
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.create_index("ix_reservations_address", ["address_id", "counts_at"], unique=False)
        batch_op.create_index("ix_reservations_contact", ["contact_id", "counts_at"], unique=False)

    op.create_table(
        "responses",
        sa.Column("id", Id, nullable=False),
        sa.Column("invitation_id", Id, nullable=False),
        sa.Column("survey_version_id", Id, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("answers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.Column("scored_at", UtcDateTime(), nullable=True),
        sa.Column("announced_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitations.id"], name=op.f("fk_responses_invitation_id_invitations")
        ),
        sa.ForeignKeyConstraint(
            ["survey_version_id"], ["survey_versions.id"], name=op.f("fk_responses_survey_version_id_survey_versions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_responses")),
        sa.UniqueConstraint("invitation_id", name=op.f("uq_responses_invitation_id")),
    )
    with op.batch_alter_table("responses", schema=None) as batch_op:
        batch_op.create_index("ix_responses_changed", ["changed_at"], unique=False)
        batch_op.create_index("ix_responses_unannounced", ["id"], unique=False, postgresql_where="announced_at IS NULL")
        batch_op.create_index(
            "ix_responses_unscored", ["id"], unique=False, postgresql_where="scored_at IS NULL AND complete"
        )

    op.create_table(
        "task_comments",
        sa.Column("id", Id, nullable=False),
        sa.Column("task_id", Id, nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_comments_task_id_tasks")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_comments")),
    )
    with op.batch_alter_table("task_comments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_task_comments_task_id"), ["task_id"], unique=False)

    op.create_table(
        "scores",
        sa.Column("response_id", Id, nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_scores_response_id_responses")),
        sa.PrimaryKeyConstraint("response_id", "question", name=op.f("pk_scores")),
    )


def downgrade() -> None:

    op.drop_table("scores")
    with op.batch_alter_table("task_comments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_task_comments_task_id"))

    op.drop_table("task_comments")
    with op.batch_alter_table("responses", schema=None) as batch_op:
        batch_op.drop_index("ix_responses_unscored", postgresql_where="scored_at IS NULL AND complete")
        batch_op.drop_index("ix_responses_unannounced", postgresql_where="announced_at IS NULL")
        batch_op.drop_index("ix_responses_changed")

    op.drop_table("responses")
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.drop_index("ix_reservations_contact")
        batch_op.drop_index("ix_reservations_address")

    op.drop_table("reservations")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index("uq_deliveries_effect")
        batch_op.drop_index("ix_deliveries_pace")
        batch_op.drop_index("ix_deliveries_invitation")
        batch_op.drop_index("ix_deliveries_act", postgresql_where="act_at IS NOT NULL")

    op.drop_table("deliveries")
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.drop_index("ix_tasks_unannounced", postgresql_where="resolved_at IS NOT NULL AND announced_at IS NULL")
        batch_op.drop_index("ix_tasks_inbox")

    op.drop_table("tasks")
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.drop_index("ix_invitations_handed_over")
        batch_op.drop_index("ix_invitations_expires", postgresql_where="state IN ('open', 'started')")
        batch_op.drop_index("ix_invitations_due", postgresql_where="due_at IS NOT NULL")
        batch_op.drop_index("ix_invitations_contact")

    op.drop_table("invitations")
    op.drop_table("trigger_versions")
    op.drop_table("survey_versions")
    with op.batch_alter_table("rollups", schema=None) as batch_op:
        batch_op.drop_index("ix_rollups_day")

    op.drop_table("rollups")
    with op.batch_alter_table("payloads", schema=None) as batch_op:
        batch_op.drop_index("ix_payloads_source_state")

    op.drop_table("payloads")
    with op.batch_alter_table("offer_codes", schema=None) as batch_op:
        batch_op.drop_index("ix_offer_codes_free", postgresql_where="response_id IS NULL")

    op.drop_table("offer_codes")
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identities_contact_id"))

    op.drop_table("identities")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index("ix_events_story", postgresql_where="contact_id IS NOT NULL")

    op.drop_table("events")
    with op.batch_alter_table("effects", schema=None) as batch_op:
        batch_op.drop_index("uq_effects_once")
        batch_op.drop_index("ix_effects_waiting", postgresql_where="done_at IS NULL AND dead_at IS NULL")

    op.drop_table("effects")
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.drop_index("ix_decisions_trigger")
        batch_op.drop_index("ix_decisions_contact")

    op.drop_table("decisions")
    with op.batch_alter_table("contact_addresses", schema=None) as batch_op:
        batch_op.drop_index("ix_contact_addresses_address")

    op.drop_table("contact_addresses")
    with op.batch_alter_table("condition_misses", schema=None) as batch_op:
        batch_op.drop_index("ix_condition_misses_day")

    op.drop_table("condition_misses")
    op.drop_table("complaints")
    op.drop_table("api_keys")
    op.drop_table("triggers")
    op.drop_table("surveys")
    op.drop_table("sources")
    op.drop_table("segments")
    op.drop_table("policy_versions")
    with op.batch_alter_table("pending_events", schema=None) as batch_op:
        batch_op.drop_index("ix_pending_events_unresolved", postgresql_where="contact_id IS NULL AND dead_at IS NULL")
        batch_op.drop_index("ix_pending_events_contact")

    op.drop_table("pending_events")
    op.drop_table("offers")
    op.drop_table("merge_candidates")
    op.drop_table("leases")
    op.drop_table("installation")
    op.drop_table("heartbeats")
    op.drop_table("event_keys")
    op.drop_table("dirty_days")
    op.drop_table("departments")
    op.drop_table("contacts")
    with op.batch_alter_table("contact_locks", schema=None) as batch_op:
        batch_op.drop_index("ix_contact_locks_ready", postgresql_where="ready_at IS NOT NULL")

    op.drop_table("contact_locks")
    op.drop_table("contact_changes")
    op.drop_table("addresses")
