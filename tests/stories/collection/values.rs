//! What somebody would write into the collection's parameters.

use super::{Asked, Parameter};

/// How a request is filled where it is not filled like all others.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// Method and path.
    name: &'static str,
    /// The object when it is not the plain one that the path names.
    pub(super) object: &'static str,
    /// Parameters with other values than elsewhere.
    values: &'static [(&'static str, &'static str)],
    /// Parameters that exclude others, or are of another kind of source; `*` stands for every end.
    without: &'static [&'static str],
    /// How the request is refused although everything is chosen.
    pub(super) refused: Option<u16>,
}

const fn row(name: &'static str) -> Row {
    Row { name, object: "", values: &[], without: &[], refused: None }
}

impl Row {
    const fn object(self, object: &'static str) -> Row {
        Row { object, ..self }
    }

    const fn with(self, values: &'static [(&'static str, &'static str)]) -> Row {
        Row { values, ..self }
    }

    const fn without(self, without: &'static [&'static str]) -> Row {
        Row { without, ..self }
    }

    const fn refused(self, status: u16) -> Row {
        Row { refused: Some(status), ..self }
    }

    /// Whether a parameter is chosen.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.without.iter().any(|without| match without.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *without,
        })
    }
}

/// Values by the parameter's name, whatever the request; `$thread` and the like stand for objects.
const VALUES: &[(&str, &str)] = &[
    ("access_token", "$token"),
    ("agent_ids[]", "$agent"),
    ("associated_identity_id", "$identity"),
    ("attachment_ids[]", "$upload"),
    ("author_id", "$voice"),
    ("auto_complete_category_ids[]", "$category"),
    ("beginning_of_week", "monday"),
    ("category_id", "$category"),
    ("category_ids[]", "$category"),
    ("channel_id", "$channel"),
    ("channels[][channel_id]", "$channel"),
    ("choices[]", "One"),
    ("color", "3"),
    ("community_id", "$source_community"),
    ("content_id", "$content"),
    ("content_languages", "fr"),
    ("created_after", "2020-01-01"),
    ("created_before", "2040-01-01"),
    ("custom_score", "1.5"),
    ("default_category_ids[]", "$category"),
    ("default_content_language", "fr"),
    ("email", "$email"),
    ("emails[]", "$email"),
    ("entry_id", "$reply_assistant_entry"),
    ("entry_ids[]", "$reply_assistant_entry"),
    ("entry_group_id", "$reply_assistant_group"),
    ("extension", "txt"),
    ("format", "text"),
    ("gender", "woman"),
    ("holidays", r#"[{ "name": "Spring", "date": "2027-03-21" }]"#),
    ("holidays_region", "fr"),
    ("home_phones[]", "+33123456789"),
    ("identity_group_id", "$identity_group"),
    ("identity_group_ids", "$identity_group"),
    ("identity_id", "$identity"),
    ("identity_ids[]", "$voice"),
    ("in_reply_to_id", "$content"),
    ("intervention_id", "$intervention"),
    ("language", "fr"),
    ("leader_ids[]", "$me"),
    ("limit", "30"),
    ("locale", "en"),
    ("mobile_phones[]", "+33623456789"),
    ("offset", "0"),
    ("parent_id", ""),
    ("private", "false"),
    ("registered_events[]", "content.imported"),
    ("role_id", "$empty_role"),
    ("role_restriction[only][]", "$role"),
    ("shortcuts[]", "shortcut"),
    ("sort", "created_at"),
    ("source_id", "$source"),
    ("source_ids[]", "$source"),
    ("spoken_languages[]", "fr"),
    ("status", "active"),
    ("tag_ids[]", "$tag"),
    ("take_over_category_id", "$other_category"),
    ("team_id", "$team"),
    ("team_ids[]", "$team"),
    ("team_restriction[only][]", "$team"),
    ("thread_category_ids[]", "$category"),
    ("thread_id", "$thread"),
    ("time_sheet_ids[]", "$time_sheet"),
    ("timezone", "Europe/Paris"),
    ("url", "$hook"),
    ("user_id", "$me"),
    ("user_ids[]", "$me"),
    ("user_restriction[only][]", "$me"),
    ("user_thread_default_category_ids[]", "$category"),
];

const HOURS: &str = "32400-64800";

/// Days of a time sheet.
const DAYS: &str = "_hours";

/// Requests that need something of their own.
const ROWS: &[Row] =
    &[
        row("GET /events").with(&[("q", "content_thread:$thread")]),
        row("GET /contents").with(&[("q", "thread:$thread")]),
        row("GET /content_threads").with(&[("q", "source:$source")]),
        row("GET /content_sources").with(&[("permission", "read")]),
        // What is of e-mail and of messaging sources; what are lists of hashes, and written with brackets.
        row("PUT /content_sources/{sourceId}")
            .object("empty_source")
            .with(&[
                ("attachments_security_level", "strict"),
                ("color", "3"),
                ("sla_expired_strategy", "half"),
                ("sla_filtering_categories_strategy", "selected_categories"),
                ("sla_filtering_category_ids[]", "$category"),
                ("content_archiving_period", "86400"),
            ])
            .without(&[
                "imap_*",
                "smtp_*",
                "threading_heuristics",
                "common_ancestors_threading",
                "spam_assassin_level",
                "whitelisted_emails",
                "cc_blacklist",
                "email_parser",
                "time_for_thread_inclusion_enabled",
                "enable_*",
                "signatures",
                "auto_response_triggers",
            ]),
        // Its file is no parameter, and the collection has no bodies.
        row("POST /attachments").refused(422),
        row("POST /topologies").refused(422),
        // Threads of this kind of source cannot be closed.
        row("POST /bots/complete").with(&[("intervention_id", "$answered_intervention"), ("close_thread", "false")]),
        row("POST /bots/handover")
            .with(&[("from", "bot"), ("to", "agent"), ("type", "engage_virtual_agent")])
            .without(&["app_id", "identity_foreign_id", "trigger"]),
        // An answer goes to its customer; a subject, recipients and templates are of other kinds of sources.
        row("POST /contents").without(&[
            "to",
            "to[]",
            "cc[]",
            "bcc[]",
            "template_name",
            "template_language",
            "disable_text_input_on_thread",
        ]),
        // Scores of one's own do not exist here.
        row("PUT /contents/{contentId}/update_custom_score").refused(404),
        row("PUT /interventions/{interventionId}/close").object("answered_intervention"),
        row("POST /identities/import").with(&[
            ("community_id", "$mail_community"),
            ("identifier", "$email"),
            ("source_id", ""),
        ]),
        row("PUT /content_sources/{sourceId}/email_credentials").refused(422),
        row("PUT /content_threads/{threadId}/close").object("messaging_thread"),
        row("GET /content_threads/{threadId}/open").object("closed_thread"),
        row("PUT /content_threads/{threadId}/disable_text_input").object("messaging_thread"),
        row("PUT /content_threads/{threadId}/enable_text_input").object("speechless_thread"),
        row("POST /custom_fields").with(&[
            ("associated_type_name", "Intervention"),
            ("type", "single_choice"),
            ("key", "$variable_name"),
        ]),
        row("PUT /custom_fields/{customFieldId}").object("choice_field"),
        row("GET /users").with(&[("team_id", "$led_team")]),
        row("POST /users").with(&[("password", "Correct horse 9")]).without(&["no_password"]),
        row("PUT /users/{userId}").with(&[("password", "Correct horse 9")]).without(&["no_password"]),
        // The status is a hash, by channel.
        row("PUT /status/{agentId}").without(&["status"]).with(&[("custom_status_id", "$presence_status")]),
        // Not the source of the others: its messages would become tasks.
        row("PUT /channels/{channelId}").with(&[("source_ids[]", "$empty_source")]),
        row("GET /tasks").with(&[("queue", "global"), ("step", "1")]),
        row("POST /tasks/{taskId}/complete").with(&[("queue", "workbins")]),
        row("POST /tasks/{taskId}/move").with(&[("queue", "undelivered")]),
        // Each of these narrows to whom it may go, and nobody is all of it.
        row("POST /tasks/{taskId}/transfer").with(&[("agent_ids[]", "$me"), ("bypass", "false")]).without(&[
            "category_ids[]",
            "language",
            "team_ids[]",
        ]),
        row("PUT /settings").with(&[
            ("type", "production"),
            ("content_languages", "fr,en"),
            ("style", "default"),
            ("password_min_length", "8"),
            ("password_archivable_size", "5"),
            ("expire_password_after", "86400"),
        ]),
    ];

/// The row of a request; a plain one where it needs nothing of its own.
pub(super) fn row_of(asked: &Asked<'_>) -> Row {
    ROWS.iter().find(|row| row.name == asked.name).copied().unwrap_or(row(""))
}

/// A parameter's name, once what stands for a name of one's own is filled in.
pub(super) fn name_of(name: &str) -> &str {
    if name == "{source_x_id}" { "$source" } else { name }
}

/// What is written into a parameter.
pub(super) fn value_of(row: &Row, (name, placeholder): Parameter<'_>) -> &'static str {
    let known = row.values.iter().chain(VALUES).find(|(known, _)| *known == name).map(|(_, value)| *value);
    known.unwrap_or(match placeholder {
        _ if name == "{source_x_id}" => "read",
        _ if name.ends_with(DAYS) => HOURS,
        "boolean" => "true",
        placeholder if placeholder.starts_with("integer") || placeholder == "array.integer" => "60",
        _ => "$word",
    })
}
