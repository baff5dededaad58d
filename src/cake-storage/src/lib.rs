//! Pools, volumes and images on one node
