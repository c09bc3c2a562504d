//! `/metrics`: text 0.0.4 and OpenMetrics 1.0, plain and gzip, as a splice of blocks that are ready before the scrape.
//!
//! Per target and family there are [`Block`]s: the sample lines, and the same lines deflated on their own. An answer is
//! the families' headers and the blocks in between, never copied; a gzip answer is one valid member, because every piece
//! ends on a full flush and the trailer's checksum is combined from those of the pieces. Which blocks of which
//! targets go into an answer is the business of [`snapshot`](crate::snapshot).

mod block;
mod checksum;
mod format;
mod splice;
pub mod text;

pub use block::Block;
pub use format::{Encoding, Format};
pub use splice::{Body, Splice, header};
