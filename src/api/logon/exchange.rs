//! The exchange that carries the credentials: it has its own task and its own time, and ends with a verdict in any case.

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::{Logons, Permit};
use crate::{
    clock::UnixTime,
    failure::{Failure, Reason},
    http::SendTracker,
};

/// An answer is waited for so long, however short the poll: a domain controller in trouble takes a minute to refuse.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// What the vendor said of the credentials.
#[derive(Debug, Clone, PartialEq)]
pub enum LogonVerdict {
    /// They are good.
    Accepted,
    /// They are not; with what may be said about it.
    Refused(String),
    /// Nothing (a server error), or they were not sent.
    Unknown,
}

/// An exchange that has not ended yet.
pub(super) struct PendingLogon {
    sent: SendTracker,
    target: (String, String),
    began: (UnixTime, Instant),
}

impl Permit {
    /// Runs the exchange that sends the credentials, with [`crate::http::Call::credentials`], and notes its verdict whether
    /// or not anybody still waits for it. Returns what it brought, and the failure (reason `auth`) to end the poll with
    /// where the credentials were refused.
    ///
    /// Fails with `timeout` at `deadline`. Where nothing was sent by then, or the poll is dropped before, nothing will be;
    /// else the identity keeps its turn until there is a verdict. Credentials that got no answer in the end are held.
    pub async fn run_exchange<T, E>(
        self,
        deadline: Instant,
        exchange: impl FnOnce(SendTracker) -> E,
    ) -> Result<(T, Option<Failure>), Failure>
    where
        T: Send + 'static,
        E: Future<Output = (LogonVerdict, T)> + Send + 'static,
    {
        let sent = SendTracker::new(deadline.max(Instant::now() + ANSWER_TIMEOUT));
        let exchange = exchange(sent.clone());
        let (sender, receiver) = oneshot::channel();
        self.begin(&sent);
        tokio::spawn(self.run(deadline, sent, exchange, sender));
        match timeout_at(deadline, receiver).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Failure::new(Reason::Internal, "the log-on ended without a result")),
            Err(_) => Err(Failure::new(Reason::Timeout, "log-on: no complete answer before the deadline")),
        }
    }

    async fn run<T, E>(
        mut self,
        deadline: Instant,
        sent: SendTracker,
        exchange: E,
        mut sender: oneshot::Sender<Result<(T, Option<Failure>), Failure>>,
    ) where
        E: Future<Output = (LogonVerdict, T)>,
    {
        let mut exchange = Box::pin(AssertUnwindSafe(exchange).catch_unwind());
        let given_up = async {
            let _ = timeout_at(deadline, sender.closed()).await;
            if !sent.stop() {
                // It is out of our hands.
                tokio::time::sleep_until(sent.until()).await;
            }
        };
        let ended = tokio::select! {
            biased;
            ended = &mut exchange => Some(ended),
            () = given_up => None,
        };
        drop(exchange);
        let now = self.later();
        let result = match ended {
            Some(Ok((LogonVerdict::Accepted, value))) => {
                self.note_accepted(now);
                Ok((value, None))
            }
            Some(Ok((LogonVerdict::Refused(message), value))) => {
                let failure = self.note_refused(now, &message);
                Ok((value, Some(failure)))
            }
            // What waited for its answer until the very end got none.
            Some(Ok((LogonVerdict::Unknown, value))) if !sent.is_sent() || Instant::now() < sent.until() => {
                self.recorded = true;
                Ok((value, None))
            }
            Some(Err(_)) => {
                if sent.is_sent() {
                    self.note_unanswered(now);
                }
                self.recorded = true;
                Err(Failure::new(Reason::Internal, "the log-on panicked; this is a bug of Rollcall, please report it"))
            }
            Some(Ok((LogonVerdict::Unknown, _))) | None if sent.is_sent() => Err(self.note_unanswered(now)),
            Some(Ok((LogonVerdict::Unknown, _))) | None => {
                self.recorded = true;
                Err(Failure::new(Reason::Timeout, "log-on: no connection before the deadline"))
            }
        };
        self.end();
        // Before the poll goes on: the next one of the identity may follow.
        let logons = self.logons.clone();
        drop(self);
        logons.shared.changed.notify_one();
        logons.shared.exchange_ended.notify_waiters();
        // Nobody may be waiting any more.
        let _ = sender.send(result);
    }

    fn begin(&self, sent: &SendTracker) {
        let (mut identities, index) = self.identity(self.now);
        identities[index].pending_logon =
            Some(PendingLogon { sent: sent.clone(), target: self.target.clone(), began: (self.now, self.began) });
    }

    fn end(&self) {
        let (mut identities, index) = self.identity(self.later());
        identities[index].pending_logon = None;
    }
}

impl Logons {
    /// Before the daemon ends: waits until then for the verdicts of the exchanges that are under way. What is not answered
    /// by then is held, so that a restart does not send it again at once.
    pub async fn close(&self, deadline: Instant) {
        loop {
            let exchange_ended = self.shared.exchange_ended.notified();
            tokio::pin!(exchange_ended);
            exchange_ended.as_mut().enable();
            if self.lock().iter().all(|identity| identity.pending_logon.is_none()) {
                return;
            }
            if timeout_at(deadline, exchange_ended).await.is_err() {
                break;
            }
        }
        for identity in self.lock().iter_mut() {
            let Some(PendingLogon { sent, target, began: (now, began) }) = identity.pending_logon.take() else {
                continue;
            };
            if !sent.stop() {
                identity.suspect(now.plus(began.elapsed()), &target);
            }
        }
    }
}
