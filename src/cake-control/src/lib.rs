//! The control plane: resources, views, tasks, accounts, reconcilers
