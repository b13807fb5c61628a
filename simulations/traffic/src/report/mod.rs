//! Pictures and one self-contained HTML page of the rows of a plan.
//!
//! - What they draw is what [`crate::summary`] puts together.
//! - [`plots()`] draws them as SVG.
//! - [`html()`] is the page with the answer in words, what is not valid, the plots, the tables, and how all was made.
//!
//! Everything is a function of its arguments: the same rows give the same bytes. Not here: files, CSV, Parquet, and any
//! judgement beyond the numbers in the rows.

mod canvas;
mod cautions;
mod figure;
mod findings;
mod html;
mod naming;
mod number;
mod panel;
mod plots;
mod scale;
mod svg;
mod sweep;
mod tables;
#[cfg(test)]
mod tests;
mod validity;
mod words;

pub use html::{Provenance, html};
pub use plots::plots;
pub use svg::Plot;
