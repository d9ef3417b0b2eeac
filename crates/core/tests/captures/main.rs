//! Reading captures: files of our writers, files made by hand, and files that are cut, damaged or nothing of the kind.

mod build;
mod damage;
mod formats;
mod rewriting;
mod streams;
