//! What is run, and how: shards, the service manager, the health check.

mod health;
mod notify;
mod pages;
mod shards;
