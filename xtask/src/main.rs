//! Set-up, tests and checks of the Brisk workspace.

fn main() {}
