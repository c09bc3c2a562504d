//! How a change of a record is made: in the file, under its lock, and in what this process knows.

use std::sync::atomic::Ordering;

use super::{
    FileError, Keeper, Logons, Record, SETTLED, Who,
    file::{Open, Stored},
    scaled,
};
use crate::{clock::UnixTime, event};

impl Logons {
    /// Changes what is known of an identity, here and for all processes. With it comes why it could not be written, where it
    /// could not: then it is known here alone.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        who: &Who,
        now: UnixTime,
        change: impl FnOnce(&mut Record) -> T + Send + 'static,
    ) -> (T, Option<FileError>) {
        if self.shared.file.is_none() {
            return (self.of(who, now, |identity| change(&mut identity.record)), None);
        }
        let (logons, who) = (self.clone(), who.clone());
        let changed = tokio::task::spawn_blocking(move || logons.change_blocking(&who, now, change));
        match changed.await {
            Ok(changed) => changed,
            Err(error) => {
                std::panic::resume_unwind(error.try_into_panic().unwrap_or_else(|_| Box::new("the runtime ends")))
            }
        }
    }

    fn change_blocking<T>(
        &self,
        who: &Who,
        now: UnixTime,
        change: impl FnOnce(&mut Record) -> T,
    ) -> (T, Option<FileError>) {
        let opened = match &self.shared.file {
            Some(file) => file.open().map(Some),
            None => Ok(None),
        };
        let (mut open, mut error): (Option<Open<'_>>, _) = match opened {
            Ok(open) => (open, None),
            Err(error) => (None, Some(error)),
        };
        let stored = open.as_mut().and_then(|open| who.stored(&mut open.content)).map(|stored| stored.record.clone());
        let (out, record, legacy) = self.of(who, now, |identity| {
            let mut record = match stored {
                Some(mut stored) => {
                    if identity.unsaved {
                        stored.merge(&identity.record);
                    }
                    stored
                }
                None => identity.record.clone(),
            };
            let out = change(&mut record);
            identity.record = record.clone();
            // Until it is written.
            identity.unsaved = true;
            (out, record, identity.legacy.clone())
        });
        if let Some(mut open) = open {
            who.store(&mut open.content, record);
            let is_legacy = |stored: &Stored| {
                legacy.as_ref() == Some(&stored.tag)
                    && (&stored.vendor, &stored.username) == (&who.vendor, &who.username)
            };
            open.content.identities.retain(|stored| !is_legacy(stored));
            error = open.save(now).err();
        }
        match error {
            None => self.of(who, now, |identity| identity.unsaved = false),
            Some(_) => event::state_write_failed(),
        }
        self.report(error.as_ref());
        (out, error)
    }

    /// Whether a password may leave that could not be written down.
    pub(super) fn may_send_unwritten(&self) -> bool {
        self.shared.keeper == Keeper::Daemon && self.shared.started.elapsed() >= scaled(SETTLED)
    }

    /// Says once that the file cannot be used, and once that it can again.
    pub(super) fn report(&self, error: Option<&FileError>) {
        let was = self.shared.unwritable.swap(error.is_some(), Ordering::Relaxed);
        match error {
            Some(error) if !was => {
                tracing::error!(%error, "Log-ons are not written down; other processes and a restart do not know of them.")
            }
            None if was => tracing::info!("Log-ons are written down again."),
            _ => {}
        }
    }
}
