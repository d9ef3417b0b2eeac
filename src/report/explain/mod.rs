//! What explain tells: text for people, JSON for programs.

pub mod block;
pub mod card;
pub mod catalogue;
pub mod comment;
pub mod compact;
mod digits;
pub mod document;
mod draft;
pub mod filling;
mod grounds;
pub mod json;
pub mod kernel;
pub mod layout;
pub mod moment;
mod moving;
pub mod names;
mod refill;
mod shown;
pub mod stencil;
pub mod story;
pub mod text;
pub mod vantages;
pub mod vantages_json;
mod words;
