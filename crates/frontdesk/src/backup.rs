//! Backup and restore.
use std::path::Path;
pub(crate) async fn write(_: &frontdesk_store::Store, _: &frontdesk_conversations::attachments::Files, _: &frontdesk_model::Env, _: &Path) -> Result<String, String> { Err("no".into()) }
pub(crate) async fn restore(_: &frontdesk_store::Store, _: &Path, _: &Path) -> Result<String, String> { Err("no".into()) }
