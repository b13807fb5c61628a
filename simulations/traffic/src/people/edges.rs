//! Lists of who wrote to whom when, read from files.
