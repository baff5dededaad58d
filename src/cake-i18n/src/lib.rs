//! The words a person can see, in every language
