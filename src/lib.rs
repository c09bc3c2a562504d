//! Rollcall takes the roll call of agent fleets.

#![forbid(unsafe_code)]

pub mod alert;
pub mod catalogue;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod event;
pub mod exposition;
pub mod failure;
pub mod health;
pub mod http;
pub mod poll;
pub mod sim;
pub mod snapshot;
pub mod vendor;
pub mod web;
