//! The whole house, tried from outside
