//! Example documents for tests.
