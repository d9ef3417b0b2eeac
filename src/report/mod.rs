//! Finished values into text and JSON. Nothing here computes a figure, so that text and JSON can't disagree.

pub mod atlas;
pub mod compare;
pub mod explain;
pub mod json;
pub mod lab;
pub mod output;
pub mod pages;
pub mod run;
pub mod style;
pub mod text;
pub mod trace;
pub mod visible;
