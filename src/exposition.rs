//! `/metrics`: text 0.0.4 and OpenMetrics 1.0, plain and gzip, as a splice of blocks that are ready before the scrape.
//!
//! Per target and family there are [`Block`]s: the sample lines, and the same lines deflated on their own. An answer is
//! the families' headers and the blocks in between, never copied; a gzip answer is one valid member, because every piece
//! ends on a full flush and the trailer's checksum is combined from those of the pieces. The blocks of small targets are
//! joined into [`Group`]s beside the scrape, and a scrape takes a group for its targets while it tells the newest of them.

mod block;
mod checksum;
mod format;
pub mod group;
mod scrape;
mod splice;
pub mod text;

pub use block::Block;
pub use format::{Encoding, Format};
pub use group::Group;
pub use scrape::{of_target, scrape};
pub use splice::{Body, Splice};
