//! What a process can no longer do, in each of its threads. Run again for each case, because nothing that is
//! dropped comes back.

#![expect(unsafe_code, reason = "the system calls are made that nothing else would make")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on panics")]
#![allow(clippy::print_stdout, reason = "there is no harness to say what was run")]

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::{ptr, thread};

use oncegate_rights::{Access, Keep, OwnProgram, RightsError, drop_all, drop_others};
use rustix::fs::{Mode, OFlags};

static EMPTY: &CStr = c"";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let run: fn(&Path) = match arguments.get(1).map(String::as_str) {
        Some("again") => return,
        Some("hosting") => hosting,
        Some("connecting") => |_| connecting(),
        Some("late") => |_| late(),
        Some("computing") => computing,
        _ => return all(),
    };
    run(Path::new(&arguments[2]));
}

fn all() {
    for case in ["hosting", "connecting", "late", "computing"] {
        let folder = tempfile::tempdir().unwrap();
        let own = std::env::current_exe().unwrap();
        let ended = Command::new(own).arg(case).arg(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{case}: {}\n{said}", ended.status);
        println!("test {case} ... ok");
        if said.contains("not to be had here") {
            println!("{}", said.trim_end());
        }
    }
}

/// This program, as an open file.
fn own() -> OwnProgram {
    let file = rustix::fs::open("/proc/self/exe", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let descriptor = file.as_raw_fd();
    // Open as long as the process is.
    std::mem::forget(file);
    OwnProgram { descriptor, empty_path: EMPTY }
}

/// A host's rights, with what this program itself is made of.
fn keep(own: OwnProgram) -> Keep {
    let mut keep = Keep::default();
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        if let Some(path) = line.find('/').map(|at| &line[at..]) {
            keep.place(Path::new(path), Access::Run);
        }
    }
    keep.place("/proc/self".as_ref(), Access::Read);
    keep.program(own);
    keep
}

/// Whether the kernel restricts files and TCP; without that, the rest is looked at.
fn has_landlock(line: &str) -> bool {
    line.contains("landlock (files, TCP")
}

fn hosting(folder: &Path) {
    for place in ["own", "made"] {
        fs::create_dir(folder.join(place)).unwrap();
    }
    for file in ["read", "written", "forbidden"] {
        fs::write(folder.join(file), "text").unwrap();
    }
    let own = own();
    let mut keep = keep(own);
    keep.place(&folder.join("own"), Access::Own);
    keep.place(&folder.join("made"), Access::Make);
    keep.place(&folder.join("read"), Access::Read);
    keep.place(&folder.join("written"), Access::Write);
    keep.place(&folder.join("is-not-there"), Access::Write);
    let line = drop_others(&keep).unwrap().to_string();
    eprintln!("{line}");
    let try_all = || {
        calls_fail();
        programs_fail(own);
        if has_landlock(&line) {
            files_fail(folder);
        }
        assert_eq!(socket(libc::AF_INET), Err(ErrorKind::PermissionDenied), "no server is to be talked to");
    };
    try_all();
    // Threads of each kind: of the process, of a scope, of a thread.
    thread::spawn(try_all_in_a_thread(folder, own, has_landlock(&line))).join().unwrap();
    thread::scope(|scope| scope.spawn(try_all).join().unwrap());
    thread::scope(|scope| scope.spawn(|| thread::scope(|scope| scope.spawn(try_all).join().unwrap())).join())
        .unwrap();
}

fn try_all_in_a_thread(folder: &Path, own: OwnProgram, landlock: bool) -> impl FnOnce() + Send + 'static {
    let folder = folder.to_owned();
    move || {
        calls_fail();
        programs_fail(own);
        if landlock {
            files_fail(&folder);
        }
        let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        assert!(status.is_empty() || status.contains("NoNewPrivs:\t1"), "{status}");
        assert!(status.is_empty() || status.contains("Seccomp:\t2"), "{status}");
    }
}

fn files_fail(folder: &Path) {
    let denied = |result: io::Result<()>, what: &str| {
        assert_eq!(result.map_err(|error| error.kind()), Err(ErrorKind::PermissionDenied), "{what}");
    };
    let write = |name: &str| fs::write(folder.join(name), "new");
    denied(File::open(folder.join("forbidden")).map(drop), "another file");
    denied(File::open("/etc/passwd").map(drop), "a file of the system");
    denied(fs::read_dir(folder).map(drop), "a folder");
    denied(write("read"), "writing what is read");
    denied(write("new"), "a new file");
    denied(fs::remove_file(folder.join("written")), "removing what is written");
    denied(write("made/../forbidden"), "a way around");
    fs::read_to_string(folder.join("read")).unwrap();
    write("written").unwrap();
    write("made/new").unwrap();
    denied(fs::remove_file(folder.join("made/new")), "removing what was made");
    write("own/new").unwrap();
    fs::rename(folder.join("own/new"), folder.join("own/other")).unwrap();
    fs::remove_file(folder.join("own/other")).unwrap();
    denied(std::os::unix::fs::symlink("/etc/passwd", folder.join("own/link")), "a link");
    denied(std::os::unix::net::UnixListener::bind(folder.join("own/socket")).map(drop), "a socket");
}

/// What no host has a use for.
fn calls_fail() {
    let refused = |name: &str, call: libc::c_long, first: u64| {
        // SAFETY: the arguments are zero or point nowhere: allowed, each call would fail in another way.
        let result = unsafe { libc::syscall(call, first, 0, 0, 0, 0, 0) };
        let error = io::Error::last_os_error();
        assert_eq!((result, error.raw_os_error()), (-1, Some(libc::EPERM)), "{name}: {error}");
    };
    refused("ptrace", libc::SYS_ptrace, u64::MAX);
    refused("process_vm_readv", libc::SYS_process_vm_readv, 0);
    refused("mount", libc::SYS_mount, 0);
    refused("unshare", libc::SYS_unshare, 1);
    refused("setns", libc::SYS_setns, u64::MAX);
    refused("bpf", libc::SYS_bpf, u64::MAX);
    refused("perf_event_open", libc::SYS_perf_event_open, 0);
    refused("keyctl", libc::SYS_keyctl, u64::MAX);
    refused("io_uring_setup", libc::SYS_io_uring_setup, 0);
    refused("userfaultfd", libc::SYS_userfaultfd, u64::MAX);
    refused("init_module", libc::SYS_init_module, 0);
    refused("kexec_load", libc::SYS_kexec_load, 0);
    refused("setuid", libc::SYS_setuid, u64::MAX);
    refused("clone into a user namespace", libc::SYS_clone, libc::CLONE_NEWUSER as u64);
    // SAFETY: as above.
    let result = unsafe { libc::syscall(libc::SYS_clone3, 0, 0) };
    assert_eq!((result, io::Error::last_os_error().raw_os_error()), (-1, Some(libc::ENOSYS)), "clone3");
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: as above.
        let result = unsafe { libc::syscall(0x4000_0000 + libc::SYS_getpid) };
        assert_eq!((result, io::Error::last_os_error().raw_os_error()), (-1, Some(libc::ENOSYS)), "x32");
    }
}

/// Runs this program, and no other in whatever way.
fn programs_fail(own: OwnProgram) {
    let denied = |error: io::Error, what: &str| {
        // By the filter: landlock, which stands behind it, says EACCES.
        assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{what}: {error}");
    };
    for path in ["/bin/sh", "/bin/true", "/proc/self/exe", "/lib64/ld-linux-x86-64.so.2"] {
        denied(Command::new(path).arg("again").status().unwrap_err(), path);
        denied(Command::new(path).exec(), path);
    }
    let OwnProgram { descriptor, empty_path } = own;
    let shell = c"/bin/sh".as_ptr();
    denied(become_it(descriptor, shell, libc::AT_EMPTY_PATH), "an absolute path with the descriptor");
    denied(become_it(libc::AT_FDCWD, shell, 0), "a path of its own");
    denied(become_it(descriptor, empty_path.as_ptr(), libc::AT_EMPTY_PATH | 0x100), "other flags");
    denied(become_it(0, empty_path.as_ptr(), libc::AT_EMPTY_PATH), "another descriptor");
    let mut again = Command::new("/never/used");
    let path = empty_path.as_ptr() as usize;
    // SAFETY: one system call.
    unsafe {
        again.pre_exec(move || Err(become_it(descriptor, path as *const _, libc::AT_EMPTY_PATH)));
    }
    assert!(again.status().unwrap().success(), "its own program");
}

fn become_it(descriptor: i32, path: *const libc::c_char, flags: i32) -> io::Error {
    let argv = [c"dropped".as_ptr(), c"again".as_ptr(), ptr::null()];
    let envp = [ptr::null::<libc::c_char>()];
    // SAFETY: all of it ends with zero and outlives the call.
    unsafe { libc::syscall(libc::SYS_execveat, descriptor, path, argv.as_ptr(), envp.as_ptr(), flags) };
    io::Error::last_os_error()
}

fn socket(family: i32) -> Result<(), ErrorKind> {
    // SAFETY: numbers only.
    match unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) } {
        -1 => Err(io::Error::last_os_error().kind()),
        _ => Ok(()),
    }
}

/// A host that talks to a server: it does that, and nobody talks to it.
fn connecting() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let mut keep = keep(own());
    keep.connections();
    let line = drop_others(&keep).unwrap().to_string();
    eprintln!("{line}");
    let try_all = || {
        TcpStream::connect(address).unwrap();
        assert_eq!(socket(libc::AF_UNIX), Ok(()));
        assert_eq!(socket(libc::AF_PACKET), Err(ErrorKind::PermissionDenied));
        assert_eq!(socket(libc::AF_ALG), Err(ErrorKind::PermissionDenied));
        assert_eq!(TcpListener::bind("127.0.0.1:0").unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(server.accept().unwrap_err().kind(), ErrorKind::PermissionDenied);
    };
    try_all();
    thread::scope(|scope| scope.spawn(try_all).join().unwrap());
}

/// With a second thread, which would keep everything, nothing is said to be dropped.
fn late() {
    thread::scope(|scope| {
        let (_end, wait) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || wait.recv().unwrap_err());
        while fs::read_dir("/proc/self/task").unwrap().count() < 2 {
            thread::yield_now();
        }
        assert!(matches!(drop_others(&Keep::default()), Err(RightsError::Threads(2))));
        File::open("/proc/self/status").unwrap();
        drop(_end);
    });
}

/// A process that computes has memory and threads, and nothing else.
fn computing(folder: &Path) {
    let open = File::create(folder.join("open")).unwrap();
    fs::write(folder.join("file"), "text").unwrap();
    let line = drop_all().unwrap().to_string();
    let denied = |what: &str, result: io::Result<()>| {
        assert_eq!(result.map_err(|error| error.kind()), Err(ErrorKind::PermissionDenied), "{what}");
    };
    let try_all = || {
        denied("a file", File::open(folder.join("file")).map(drop));
        denied("a folder", fs::read_dir(folder).map(drop));
        denied("a file of the system", File::open("/proc/self/status").map(drop));
        denied("a program", Command::new("/bin/true").status().map(drop));
        denied("its own program", Command::new("/proc/self/exe").status().map(drop));
        denied("a server", TcpStream::connect("127.0.0.1:1").map(drop));
        denied("a socket", socket(libc::AF_UNIX).map_err(io::Error::from));
        // SAFETY: numbers only; a mapping that is never touched.
        let mapped =
            unsafe { libc::mmap(ptr::null_mut(), 4096, 7, libc::MAP_PRIVATE | libc::MAP_ANON, -1, 0) };
        assert_eq!(mapped, libc::MAP_FAILED, "memory that is written and run");
        // SAFETY: a signal to nobody in particular, which only asks.
        assert_eq!(unsafe { libc::kill(1, 0) }, -1, "another process");
        assert_eq!(vec![1u8; 32 << 20].iter().map(|byte| u64::from(*byte)).sum::<u64>(), 32 << 20);
    };
    try_all();
    thread::scope(|scope| scope.spawn(try_all).join().unwrap());
    thread::spawn(|| thread::spawn(|| ()).join().unwrap()).join().unwrap();
    denied("more of what is open", open.set_len(1));
    eprintln!("{line}");
}
