//! What `compare`, `bench` and `count` share: commands, the machine's facts, tables, sections of a page.

mod error;
mod facts;
mod section;
mod shell;
mod table;

pub use error::MeasureError;
pub use facts::{Facts, field, kib};
pub use section::write_section;
pub use shell::{build_mnist, capture, cargo, first_line, read, target_dir, write};
pub use table::Table;
