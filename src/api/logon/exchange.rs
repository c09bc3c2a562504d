//! The exchange that carries the credentials: it has its own task and its own time, and ends with a verdict in any case.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    sync::{OwnedMutexGuard, oneshot},
    time::{Instant, timeout_at},
};

use super::{Denial, Permit, Record, later, unproven::UNANSWERED, words};
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
    /// The vendor said in words that are known that it is something else, and not the credentials.
    Elsewhere,
    /// Nothing that is known, with the failure that it is; or they were not sent.
    Unproven(Failure),
}

/// Why an exchange brought nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum ExchangeFailure {
    /// It must not log on, which another process has noted meanwhile, or could not be written down: nothing was sent.
    Denied(Failure),
    /// It ended badly, or not in time.
    Failed(Failure),
}

impl From<ExchangeFailure> for Failure {
    fn from(failure: ExchangeFailure) -> Failure {
        match failure {
            ExchangeFailure::Denied(failure) | ExchangeFailure::Failed(failure) => failure,
        }
    }
}

type ExchangeResult<T> = Result<(T, Option<Failure>), ExchangeFailure>;

/// One log-on of an identity.
pub(super) struct Attempt {
    /// Tells it from those of all processes.
    id: u64,
    /// Nothing is to be begun any more.
    given_up: AtomicBool,
    /// Whether anything is known of it that has to be noted, or to be taken back.
    stage: AtomicU8,
    /// The turn of a request aside, until it is noted.
    gate: Mutex<Option<OwnedMutexGuard<()>>>,
    /// Why it must not be sent.
    denied: Mutex<Option<Failure>>,
}

/// Nothing has left, and nothing is written.
const IDLE: u8 = 0;
/// It is written down as one that proved nothing.
const BEGUN: u8 = 1;
/// What became of it is noted.
const NOTED: u8 = 2;

impl Attempt {
    pub(super) fn new(gate: Option<OwnedMutexGuard<()>>) -> Attempt {
        let mut id = [0; 8];
        getrandom::fill(&mut id).expect("the system has random numbers");
        // 53 bits, which every reader of JSON can tell apart; 0 is nobody's.
        let id = (u64::from_le_bytes(id) >> 11).max(1);
        Attempt {
            id,
            given_up: AtomicBool::new(false),
            stage: AtomicU8::new(IDLE),
            gate: Mutex::new(gate),
            denied: Mutex::default(),
        }
    }

    fn deny(&self, failure: Failure) -> Failure {
        self.denied.lock().unwrap_or_else(|e| e.into_inner()).insert(failure).clone()
    }

    fn denied(&self) -> Option<Failure> {
        self.denied.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    fn is_begun(&self) -> bool {
        self.stage.load(Ordering::Acquire) == BEGUN
    }
}

fn failed(reason: Reason, message: &str) -> ExchangeFailure {
    ExchangeFailure::Failed(Failure::new(reason, message))
}

type Announcement = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

impl Permit {
    /// Runs the exchange that sends the credentials, with [`crate::http::Call::credentials`], and notes its verdict whether
    /// or not anybody still waits for it. Returns what it brought, and the failure to end the poll with where the credentials
    /// were refused (reason `auth`) or left without proving anything (the verdict's own).
    ///
    /// Fails with `timeout` at `deadline`. Where nothing was sent by then, or the poll is dropped before, nothing will be;
    /// else the identity keeps its turn until there is a verdict.
    pub async fn run_exchange<T, E>(
        self,
        deadline: Instant,
        exchange: impl FnOnce(SendTracker) -> E,
    ) -> ExchangeResult<T>
    where
        T: Send + 'static,
        E: Future<Output = (LogonVerdict, T)> + Send + 'static,
    {
        let sent = SendTracker::new(deadline.max(Instant::now() + ANSWER_TIMEOUT)).announced(self.announcement());
        let exchange = exchange(sent.clone());
        let (sender, receiver) = oneshot::channel();
        tokio::spawn(self.run(deadline, sent, exchange, sender));
        match timeout_at(deadline, receiver).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(failed(Reason::Internal, "the log-on ended without a result")),
            Err(_) => Err(failed(Reason::Timeout, "log-on: no complete answer before the deadline")),
        }
    }

    async fn run<T, E>(
        self,
        deadline: Instant,
        sent: SendTracker,
        exchange: E,
        mut sender: oneshot::Sender<ExchangeResult<T>>,
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
        self.attempt.given_up.store(true, Ordering::Release);
        let result = match ended {
            Some(Ok((LogonVerdict::Accepted, value))) => {
                self.accepted().await;
                Ok((value, None))
            }
            Some(Ok((LogonVerdict::Refused(message), value))) => Ok((value, Some(self.refused(&message).await))),
            Some(Ok((LogonVerdict::Elsewhere, value))) => {
                self.withdraw(sent.is_sent()).await;
                Ok((value, None))
            }
            Some(Ok((LogonVerdict::Unproven(failure), value))) if sent.is_sent() => {
                let failure = self.proved_nothing(failure, &sent).await;
                Ok((value, Some(failure)))
            }
            Some(Ok((LogonVerdict::Unproven(_), value))) => {
                self.withdraw(false).await;
                match self.attempt.denied() {
                    Some(denied) => Err(ExchangeFailure::Denied(denied)),
                    None => Ok((value, None)),
                }
            }
            Some(Err(_)) => {
                let failure =
                    Failure::new(Reason::Internal, "the log-on panicked; this is a bug of Rollcall, please report it");
                match sent.is_sent() {
                    true => Err(ExchangeFailure::Failed(self.proved_nothing(failure, &sent).await)),
                    false => {
                        self.withdraw(false).await;
                        Err(ExchangeFailure::Failed(failure))
                    }
                }
            }
            None if sent.is_sent() => {
                let failure = Failure::new(Reason::Timeout, UNANSWERED);
                Err(ExchangeFailure::Failed(self.proved_nothing(failure, &sent).await))
            }
            None => {
                self.withdraw(false).await;
                Err(failed(Reason::Timeout, "log-on: no connection before the deadline"))
            }
        };
        // Before the poll goes on: the next one of the identity may follow.
        drop(self);
        // Nobody may be waiting any more.
        let _ = sender.send(result);
    }

    /// Writes the attempt down; while that is not done the credentials do not leave.
    fn announcement(&self) -> impl Fn() -> Announcement + Send + Sync + 'static {
        let (logons, who, claim) = (self.logons.clone(), self.who.clone(), self.claim.clone());
        let (now, began, attempt) = (self.now, self.began, Arc::clone(&self.attempt));
        move || {
            let (logons, who, claim, attempt) = (logons.clone(), who.clone(), claim.clone(), Arc::clone(&attempt));
            let now = later(now, began);
            Box::pin(async move {
                let change = {
                    let (claim, attempt) = (claim.clone(), Arc::clone(&attempt));
                    move |record: &mut Record| -> Result<bool, Denial> {
                        // Nobody takes it back any more.
                        if attempt.given_up.load(Ordering::Acquire) {
                            return Ok(false);
                        }
                        record.begin(&claim, attempt.id, now)?;
                        attempt.stage.store(BEGUN, Ordering::Release);
                        Ok(true)
                    }
                };
                logons.of(&who, now, |identity| identity.live.push(attempt.id));
                let (begun, error) = logons.change(&who, now, change).await;
                attempt.gate.lock().unwrap_or_else(|e| e.into_inner()).take();
                match (begun, error) {
                    (Ok(true), None) => Ok(()),
                    (Ok(true), Some(_)) if logons.may_send_unwritten() => Ok(()),
                    (Ok(true), Some(error)) => {
                        let message = format!("nothing was sent: {error}; a log-on must be written down first");
                        Err(attempt.deny(Failure::new(Reason::Auth, message)))
                    }
                    (Ok(false), _) => Err(Failure::new(Reason::Timeout, "log-on: given up before it was sent")),
                    (Err(denial), _) => {
                        logons.note_waiting(&who, &claim, now, Some(denial.next));
                        Err(attempt.deny(denial.failure))
                    }
                }
            })
        }
    }

    async fn accepted(&self) {
        let (claim, id, now) = (self.claim.clone(), self.attempt.id, self.later());
        self.note(now, None, move |record| record.accepted(&claim, id, now)).await;
    }

    async fn refused(&self, message: &str) -> Failure {
        let (claim, id, now) = (self.claim.clone(), self.attempt.id, self.later());
        let message = words::without_credentials(message, &self.username, &self.secret);
        let failure = self.note(now, None, move |record| record.refused(&claim, id, now, &message)).await;
        self.logons.shared.changed.notify_one();
        failure
    }

    /// The failure gets the server's words, and when the next log-on may be.
    async fn proved_nothing(&self, mut failure: Failure, sent: &SendTracker) -> Failure {
        failure.message = words::without_credentials(&failure.message, &self.username, &self.secret);
        let words = words::quote(&sent.answer(), &self.username, &self.secret);
        if !words.is_empty() {
            failure.message += &format!(", with the words \"{words}\"");
        }
        let (claim, id, now) = (self.claim.clone(), self.attempt.id, self.later());
        let change = move |record: &mut Record| record.proved_nothing(&claim, id, now, &failure);
        let (failure, next) = self.note(now, None, change).await;
        self.logons.note_waiting(&self.who, &self.claim, now, Some(next));
        failure
    }

    /// It did not leave, or what became of it has nothing to do with the credentials.
    async fn withdraw(&self, left: bool) {
        if self.attempt.is_begun() {
            let (claim, id) = (self.claim.clone(), self.attempt.id);
            self.note(self.later(), None, move |record| record.withdraw(&claim, id, left)).await;
        }
    }

    /// Notes what became of it.
    async fn note<T: Send + 'static>(
        &self,
        now: UnixTime,
        next: Option<UnixTime>,
        change: impl FnOnce(&mut Record) -> T + Send + 'static,
    ) -> T {
        let (out, _) = self.logons.change(&self.who, now, change).await;
        self.attempt.stage.store(NOTED, Ordering::Release);
        self.logons.note_waiting(&self.who, &self.claim, now, next);
        out
    }

    /// Now, in whole seconds from the beginning of the poll.
    fn later(&self) -> UnixTime {
        later(self.now, self.began)
    }
}

impl Drop for Permit {
    /// One that is dropped in between has been written down as one that proved nothing.
    fn drop(&mut self) {
        let id = self.attempt.id;
        self.logons.of(&self.who, self.later(), |identity| identity.live.retain(|live| *live != id));
        self.logons.shared.exchange_ended.notify_waiters();
    }
}
