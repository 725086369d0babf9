//! Loom tests: every interleaving of the lock-free code, in a build of their own.

use crate::failure::Failure;
use crate::progress::TestLimits;
use crate::repository::manifest;
use crate::repository::tree::Tree;
use crate::repository::workspace::Workspace;
use crate::run::Run;
use crate::testing;
use std::time::Duration;

/// Loom models are small by design; one that runs this long has too many states.
const TEST_SECONDS: u64 = 300;

const LIMIT: Duration = Duration::from_secs(20 * 60);

/// Runs all tests named `loom_...` of the packages that know loom.
pub(crate) fn all(workspace: &Workspace) -> Result<String, Failure> {
    let manifests = manifest::all(&Tree::read(workspace.root())?).into_iter();
    let knowing = manifests.filter(|manifest| manifest.depends_on("loom"));
    let packages: Vec<String> = knowing.filter_map(|manifest| manifest.package).collect();
    if packages.is_empty() {
        return Ok("no package uses loom".to_owned());
    }
    let mut command = workspace.cargo();
    command.args(["test", "--release", "--lib", "--no-fail-fast"]);
    for package in &packages {
        command.args(["--package", package]);
    }
    command.arg("loom_");
    command
        .env("RUSTFLAGS", "--cfg loom")
        // A folder of its own, or each change of flags would build everything again.
        .env("CARGO_TARGET_DIR", workspace.target().join("loom"))
        // Models want speed, not the last percent of it; and every assertion.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true");
    let test = Duration::from_secs(TEST_SECONDS);
    let limits = TestLimits { test, silence: test + Duration::from_secs(60) };
    Run::new(command, LIMIT).watching_tests(limits).finish().map(testing::words)
}
