//! Whether a target may log on, and what follows for the others of its vendor.

use super::{
    Logons,
    identity::Who,
    record::{Claim, Denial},
};
use crate::clock::UnixTime;

impl Logons {
    /// Whether this target may log on, as far as anybody knows: what others have written is asked where it may not.
    pub(super) async fn check(&self, who: &Who, claim: &Claim, now: UnixTime) -> Result<(), Denial> {
        self.leave_others(who, claim, now).await;
        let (mut result, changed) = self.of(who, now, |identity| {
            let before = identity.record.clone();
            let result = identity.record.check(claim, now);
            (result, before != identity.record)
        });
        if self.shared.file.is_some() && (result.is_err() || changed) {
            let claim = claim.clone();
            result = self.change(who, now, move |record| record.check(&claim, now)).await.0;
        }
        let result = result.and_then(|()| self.of(who, now, |identity| identity.gives_way(claim, now)));
        self.note_waiting(who, claim, now, result.as_ref().err().map(|denial| denial.next));
        result
    }

    /// The target has left the identities whose secret it no longer brings.
    async fn leave_others(&self, who: &Who, claim: &Claim, now: UnixTime) {
        let left = {
            let (mut identities, index) = self.find(who, now);
            let others =
                identities.iter_mut().enumerate().filter(|(i, other)| *i != index && other.vendor == who.vendor);
            let mut left = Vec::new();
            for (_, other) in others {
                other.waiting.remove(&claim.target);
                if other.record.leave(&claim.target) {
                    left.push(other.who());
                }
            }
            left
        };
        for other in left.into_iter().filter(|_| self.shared.file.is_some()) {
            let target = claim.target.clone();
            self.change(&other, now, move |record| record.leave(&target)).await;
        }
    }

    pub(super) fn note_waiting(&self, who: &Who, claim: &Claim, now: UnixTime, next: Option<UnixTime>) {
        self.of(who, now, |identity| match next {
            Some(next) => _ = identity.waiting.insert(claim.target.clone(), next),
            None => _ = identity.waiting.remove(&claim.target),
        });
    }
}
