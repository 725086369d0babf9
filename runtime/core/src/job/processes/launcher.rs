//! Starts the processes of a program, for tests and measurements: one executable, several times, on
//! this machine. A cluster's deployment replaces it.

use std::{
    ffi::OsString,
    fmt, io,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
};

use brisk_memory::config::options::network::processes;

/// What is started.
#[derive(Clone, Debug)]
pub struct LaunchOptions {
    /// The program.
    pub executable: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables of its environment, beside those of this process.
    pub environment: Vec<(OsString, OsString)>,
    /// Keys of its configuration, beside those that say which process it is.
    pub settings: Vec<(String, String)>,
    /// How many of it.
    pub processes: u32,
}

/// Starts programs as several processes.
#[derive(Clone, Debug)]
pub struct Launcher {
    options: LaunchOptions,
    port: u16,
    secret: String,
}

impl Launcher {
    /// A launcher with a secret of its own and a port that is free now.
    ///
    /// # Errors
    /// If the system has no free port.
    pub fn new(options: LaunchOptions) -> io::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let secret =
            format!("{:016x}{:016x}", crate::job::random_word(), crate::job::random_word());
        Ok(Self { options, port, secret })
    }

    /// Keys of a process's configuration. They go by `FLINK_PROPERTIES` and not by arguments, which
    /// all users of the machine can see.
    pub fn settings(&self, index: u32) -> Vec<(String, String)> {
        let own = [
            (processes::COUNT.key(), self.options.processes.to_string()),
            (processes::INDEX.key(), index.to_string()),
            (processes::SECRET.key(), self.secret.clone()),
            (processes::RPC_ADDRESS.key(), "127.0.0.1".to_owned()),
            (processes::RPC_PORT.key(), self.port.to_string()),
            (processes::HOST.key(), "127.0.0.1".to_owned()),
        ];
        let own = own.into_iter().map(|(key, value)| (key.to_owned(), value));
        own.chain(self.options.settings.iter().cloned()).collect()
    }

    /// Starts all processes; what they print is kept.
    ///
    /// # Errors
    /// If one can't be started; those that were are ended.
    pub fn launch(&self) -> io::Result<LaunchedProcesses> {
        self.launch_from(0)
    }

    /// Starts all but the first, which the caller is: its environment has
    /// [`settings`](Launcher::settings) of 0.
    ///
    /// # Errors
    /// As [`Launcher::launch`].
    pub fn launch_others(&self) -> io::Result<LaunchedProcesses> {
        self.launch_from(1)
    }

    fn launch_from(&self, first: u32) -> io::Result<LaunchedProcesses> {
        let mut launched = LaunchedProcesses { children: (0..first).map(|_| None).collect() };
        for index in first..self.options.processes {
            let settings = self.settings(index);
            let lines: Vec<String> =
                settings.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            let child = Command::new(&self.options.executable)
                .args(&self.options.arguments)
                .envs(self.options.environment.iter().map(|(name, value)| (name, value)))
                .env("FLINK_PROPERTIES", lines.join("\n"))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            launched.children.push(Some(child));
        }
        Ok(launched)
    }
}

/// Processes that run. Dropping it ends them.
pub struct LaunchedProcesses {
    children: Vec<Option<Child>>,
}

impl LaunchedProcesses {
    /// The process's number in the system; `None` when it was waited for.
    pub fn pid(&self, index: u32) -> Option<u32> {
        self.children[index as usize].as_ref().map(Child::id)
    }

    /// Ends a process at once, as a crash does (`SIGKILL`).
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill(&mut self, index: u32) -> io::Result<()> {
        self.children[index as usize].as_mut().map_or(Ok(()), Child::kill)
    }

    /// How a process has ended; `None` while it runs.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn try_wait(&mut self, index: u32) -> io::Result<Option<ExitStatus>> {
        self.children[index as usize].as_mut().map_or(Ok(None), Child::try_wait)
    }

    /// Waits for a process; what it has printed. Those that print more than a pipe holds have to be
    /// waited for in turn.
    ///
    /// # Errors
    /// If the system refuses, or it was waited for before.
    pub fn wait(&mut self, index: u32) -> io::Result<Output> {
        let child = self.children[index as usize].take();
        let gone = || io::Error::other(format!("process {index} was waited for before"));
        child.ok_or_else(gone)?.wait_with_output()
    }
}

impl fmt::Debug for LaunchedProcesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchedProcesses").field("count", &self.children.len()).finish()
    }
}

impl Drop for LaunchedProcesses {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
