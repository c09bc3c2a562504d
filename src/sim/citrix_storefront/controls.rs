//! What a test can ask of the simulated StoreFront, and what it can look up afterwards.

use super::{
    ChallengeStyle, ChoicesStyle, CitrixStorefront, FormStyle, ListStyle, LogOn, Protocol, auth::TOKEN_REALM,
    fleet::StateOverride,
};
use std::{sync::Arc, time::Duration};

/// What the enumeration says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enumeration {
    /// Every farm answered.
    #[default]
    Full,
    /// The last farm did not, where there is more than one.
    Partial,
    /// None did.
    Failed,
}

impl Enumeration {
    /// The value of the attribute.
    pub(super) fn name(self) -> &'static str {
        match self {
            Enumeration::Full => "full",
            Enumeration::Partial => "partial",
            Enumeration::Failed => "failed",
        }
    }
}

/// What tests set, and what is recorded for them.
#[derive(Debug, Default)]
pub(super) struct Controls {
    pub(super) enumeration: Enumeration,
    pub(super) list_style: Option<ListStyle>,
    pub(super) list_error: Option<String>,
    pub(super) password_days: Option<u64>,
    pub(super) one_realm: bool,
    pub(super) auto_provisioned: u64,
    pub(super) power_actions: Vec<String>,
}

impl CitrixStorefront {
    /// How challenges are written.
    pub fn set_challenge_style(&self, style: ChallengeStyle) {
        self.auth().challenge = style;
    }

    /// Names another address first in `locations`: a dead one, or one on a foreign host.
    pub fn set_other_location(&self, url: Option<&str>) {
        self.auth().other_location = url.map(str::to_owned);
    }

    /// How the choice of protocols is answered.
    pub fn set_choices_style(&self, style: ChoicesStyle) {
        self.auth().choices = style;
    }

    /// Which protocols are offered; at first all, the gateway's own in front.
    pub fn set_protocols(&self, protocols: &[Protocol]) {
        self.auth().protocols = protocols.to_vec();
    }

    /// Which fields the form has.
    pub fn set_form_style(&self, style: FormStyle) {
        self.auth().form_style = style;
    }

    /// The `StateContext` that a form carries and wants back; empty at first.
    pub fn set_state_context(&self, context: &str) {
        self.auth().context = context.to_owned();
    }

    /// How a log-on with the right password ends.
    pub fn set_log_on(&self, log_on: LogOn) {
        self.auth().account.log_on = log_on;
    }

    /// How long primary and service tokens last that are handed out from now on; 20 hours and one hour at first.
    pub fn set_token_lifetimes(&self, primary: Duration, service: Duration) {
        let mut auth = self.auth();
        auth.primary_lifetime = primary;
        auth.service_lifetime = service;
    }

    /// Ends the service tokens; primary ones go on. The next call gets `reason="expired"`.
    pub fn expire_service_tokens(&self) {
        self.auth().tokens.end(Some(TOKEN_REALM));
    }

    /// In how many days from the start of the world the password ends; `None` says nothing about it.
    pub fn set_password_days(&self, days: Option<u64>) {
        self.controls().password_days = days;
    }

    /// Whether machine control takes the tokens of the resources; at first it has a realm of its own.
    pub fn set_one_realm(&self, one: bool) {
        self.controls().one_realm = one;
    }

    /// What the enumeration says of itself, and brings.
    pub fn set_enumeration(&self, enumeration: Enumeration) {
        self.controls().enumeration = enumeration;
    }

    /// In which way the machine list is written; `None`: as the sample, or by the quirk of other spellings.
    pub fn set_list_style(&self, style: Option<ListStyle>) {
        self.controls().list_style = style;
    }

    /// Makes the machine list answer `failure` with this `errorid`.
    pub fn set_list_error(&self, error: Option<&str>) {
        self.controls().list_error = error.map(str::to_owned);
    }

    /// Lets the machines of each farm show every combination of states: 48 of them, then the same with a power action.
    pub fn set_parade(&self, on: bool) {
        self.world.machines().parade = on;
    }

    /// Gives one machine a state, e.g. `VDI-EAST-001`, On, Unregistered.
    pub fn set_state(&self, machine: &str, power: &'static str, registration: &'static str, in_progress: bool) {
        let given = StateOverride { power, registration, in_progress };
        Arc::make_mut(&mut self.world.machines().given).insert(machine.to_owned(), given);
    }

    /// How often a password was submitted, right or wrong.
    pub fn credential_submissions(&self) -> u64 {
        self.auth().account.submissions
    }

    /// Whether too many wrong passwords locked the account.
    pub fn locked(&self) -> bool {
        self.auth().account.locked()
    }

    /// Unlocks the account.
    pub fn unlock(&self) {
        self.auth().account.refusals = 0;
    }

    /// How often the enumeration was asked for that subscribes the account to applications.
    pub fn auto_provisioned(&self) -> u64 {
        self.controls().auto_provisioned
    }

    /// Every power action that was asked for: path and machine id.
    pub fn power_actions(&self) -> Vec<String> {
        self.controls().power_actions.clone()
    }
}
