//! A source as adapters need it, with its opened secrets. Copies are kept in memory; the hot path notices a stale one by
//! its version, in the same transaction that uses it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use frontdesk_model::{Id, Result, Secret, error, structured};
use frontdesk_sources::{Settings, SourceKind, sdk};
use frontdesk_store::{Row, Seal, Store, Tx, args};

use crate::identity_groups::mapping::{self, Mapping};
use crate::polling;

use super::{CommonSettings, StoredSettings, kind_of};

/// A source with all that is needed to talk with its channel.
#[derive(Clone)]
pub(crate) struct Channel {
    pub(crate) source_id: Id,
    pub(crate) community_id: Id,
    pub(crate) kind: &'static SourceKind,
    pub(crate) active: bool,
    pub(crate) common: CommonSettings,
    pub(crate) settings: Settings,
    /// What its channel told of itself; none as long as it has not.
    pub(crate) implementation: Option<sdk::Implementation>,
    /// How its community maps extra values.
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) version: i64,
}

impl Channel {
    /// The options that hold: those that an administrator set, else those that the channel told. None when nobody has
    /// said anything.
    pub(crate) fn options(&self) -> Option<&[String]> {
        let told = || self.implementation.as_ref().map(sdk::Implementation::options);
        self.settings.list(sdk::OPTIONS).or_else(told)
    }

    /// Reads a source and opens its secrets.
    pub(crate) fn load(tx: &mut dyn Tx, seal: &Seal, source_id: Id) -> Result<Option<Channel>> {
        let row = tx.first(
            "SELECT id, community_id, type, active, settings, secrets, version,
               (SELECT extra_value_mappings FROM communities WHERE communities.id = sources.community_id),
               (SELECT implementation FROM polls WHERE polls.source_id = sources.id)
             FROM sources WHERE id = $1",
            args![&source_id],
        )?;
        row.map(|row| Channel::from_row(&row, seal)).transpose()
    }

    /// What it takes of structured messages; none where it takes none.
    pub(crate) fn structured(&self) -> Option<structured::Channel> {
        (self.kind.structured)(self.options())
    }

    /// The types of structured messages that it takes, by name.
    pub(crate) fn capabilities(&self) -> Vec<&'static str> {
        let kinds = self.structured().map_or(&[][..], |channel| channel.capabilities());
        kinds.iter().map(|kind| kind.as_str()).collect()
    }

    fn from_row(row: &Row, seal: &Seal) -> Result<Channel> {
        let source_id: Id = row.get(0)?;
        let kind = kind_of(&row.get::<String>(2)?)?;
        let stored: StoredSettings = serde_json::from_str(&row.get::<String>(4)?)
            .map_err(|trouble| error::broken(format!("sources.settings: {trouble}")))?;
        let secrets = match row.get::<Option<Vec<u8>>>(5)? {
            Some(sealed) => open(seal, source_id, &sealed)?,
            None => Vec::new(),
        };
        Ok(Channel {
            source_id,
            community_id: row.get(1)?,
            kind,
            active: row.get(3)?,
            settings: Settings::from_stored(kind, &stored.own, &secrets),
            common: stored.common,
            version: row.get(6)?,
            implementation: match kind.implementation {
                Some(known) => Some(known()),
                None => polling::read_implementation(row.get(8)?)?,
            },
            mappings: mapping::parse(&row.get::<String>(7)?)?,
        })
    }
}

fn purpose(source_id: Id) -> String {
    format!("source:{source_id}")
}

/// Seals a source's secret settings; none when it has none.
pub(super) fn close(seal: &Seal, source_id: Id, settings: &Settings) -> Result<Option<Vec<u8>>> {
    let secrets: HashMap<&str, &str> =
        settings.secrets().into_iter().map(|(name, secret)| (name, secret.reveal())).collect();
    if secrets.is_empty() {
        return Ok(None);
    }
    let text = serde_json::to_string(&secrets).map_err(|trouble| error::broken(trouble.to_string()))?;
    seal.seal(&purpose(source_id), &Secret::new(text)).map(Some)
}

/// Keeps a secret that its service has changed. Returns the source's version from then on.
pub(crate) fn keep_secret(tx: &mut dyn Tx, seal: &Seal, source_id: Id, name: &str, secret: &Secret) -> Result<i64> {
    let row = tx.first("SELECT secrets, version FROM sources WHERE id = $1", args![&source_id])?;
    let row = row.ok_or_else(|| error::not_found("source"))?;
    let mut secrets: HashMap<String, String> = match row.get::<Option<Vec<u8>>>(0)? {
        Some(sealed) => open(seal, source_id, &sealed)?
            .into_iter()
            .map(|(name, secret)| (name, secret.reveal().to_owned()))
            .collect(),
        None => HashMap::new(),
    };
    secrets.insert(name.to_owned(), secret.reveal().to_owned());
    let text = serde_json::to_string(&secrets).map_err(|trouble| error::broken(trouble.to_string()))?;
    let sealed = seal.seal(&purpose(source_id), &Secret::new(text))?;
    let version = row.get::<i64>(1)? + 1;
    let sql = "UPDATE sources SET secrets = $2, version = $3 WHERE id = $1";
    tx.execute(sql, args![&source_id, &sealed, version])?;
    Ok(version)
}

fn open(seal: &Seal, source_id: Id, sealed: &[u8]) -> Result<Vec<(String, Secret)>> {
    let text = seal.open(&purpose(source_id), sealed)?;
    let secrets: HashMap<String, String> = serde_json::from_str(text.reveal())
        .map_err(|_| error::broken(format!("the secrets of source {source_id} are not JSON")))?;
    Ok(secrets.into_iter().map(|(name, secret)| (name, Secret::new(secret))).collect())
}

/// The copies in memory.
#[derive(Default)]
pub struct Channels {
    known: RwLock<HashMap<Id, Arc<Channel>>>,
}

impl Channels {
    /// The channel of a source, from memory where it was used before. It may be stale: compare its version.
    pub(crate) async fn get(&self, store: &Store, seal: &Seal, source_id: Id) -> Result<Option<Arc<Channel>>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&source_id).cloned();
        match known {
            Some(channel) => Ok(Some(channel)),
            None => self.reload(store, seal, source_id).await,
        }
    }

    /// The channels of these sources as they are now: those from memory that are still current, the others read.
    pub(crate) fn current(&self, tx: &mut dyn Tx, seal: &Seal, ids: &[Id]) -> Result<HashMap<Id, Arc<Channel>>> {
        let mut found = HashMap::with_capacity(ids.len());
        if ids.is_empty() {
            return Ok(found);
        }
        let sql = format!("SELECT id, version FROM {} CROSS JOIN sources WHERE id = wanted.value", tx.wanted(1));
        for row in tx.query(&sql, args![ids])? {
            let (id, version): (Id, i64) = (row.get(0)?, row.get(1)?);
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
            let is_current = known.as_ref().is_some_and(|channel| channel.version == version);
            if let Some(channel) = known.filter(|_| is_current) {
                found.insert(id, channel);
            } else if let Some(channel) = Channel::load(tx, seal, id)?.map(Arc::new) {
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                // What this transaction sees may be older than what another has read since.
                if known.get(&id).is_none_or(|other| other.version < version) {
                    known.insert(id, channel.clone());
                }
                found.insert(id, channel);
            }
        }
        Ok(found)
    }

    /// Reads it again.
    pub(crate) async fn reload(&self, store: &Store, seal: &Seal, source_id: Id) -> Result<Option<Arc<Channel>>> {
        let seal = seal.clone();
        let loaded = store.read(move |tx| Channel::load(tx, &seal, source_id)).await?.map(Arc::new);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match &loaded {
            Some(channel) => known.insert(source_id, channel.clone()),
            None => known.remove(&source_id),
        };
        Ok(loaded)
    }
}
