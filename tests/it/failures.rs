//! What a bad answer gets: the reason is told and counted, good data stay until they are too old, nothing is invented, and
//! the other targets do not notice.

mod broken;
mod odd;
mod parts;
mod unreachable;
