//! Rollcall takes the roll call of agent fleets.

pub mod sim;
