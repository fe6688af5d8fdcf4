// SPDX-License-Identifier: BSD-2-Clause
//! GPT decoder blocks on the CPU, the same bits on every machine.
//!
//! Slices are passed to the library where they are. One that is too short for its shape is an error
//! before the call; a failed call leaves its outputs untouched. A [`Context`] may be used by many
//! threads: their calls wait for each other. For work at the same time, open a context for each
//! thread; [`Model`] and [`Weights`] work with all of them.
//!
//! ```no_run
//! let ctx = decoct::Context::open(&decoct::Options::default())?;
//! let model = decoct::Model::potion(&ctx)?;
//! for piece in model.stream(&ctx, "Sarah lies still on the bed, feeling", Default::default())? {
//!     print!("{}", String::from_utf8_lossy(&piece?));
//! }
//! # Ok::<(), decoct::Error>(())
//! ```
//!
//! A session borrows its context and its model:
//!
//! ```compile_fail,E0597
//! let ctx = decoct::Context::open(&decoct::Options::default()).unwrap();
//! let session = {
//!     let model = decoct::Model::potion(&ctx).unwrap();
//!     model.session(&ctx, 0).unwrap()
//! };
//! drop(session);
//! ```
use decoct_sys as sys;
use std::ffi::{CStr, CString};
use std::os::raw::c_char;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

mod model;
mod products;
mod rows;
pub use model::*;
pub use products::*;
pub use rows::*;

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    Argument,
    Memory,
    Unsupported,
    Io,
    Format,
    Full,
    Busy,
    System,
    Other(i32),
}

impl From<i32> for Status {
    fn from(status: i32) -> Status {
        match status {
            sys::DECOCT_E_ARGUMENT => Status::Argument,
            sys::DECOCT_E_MEMORY => Status::Memory,
            sys::DECOCT_E_UNSUPPORTED => Status::Unsupported,
            sys::DECOCT_E_IO => Status::Io,
            sys::DECOCT_E_FORMAT => Status::Format,
            sys::DECOCT_E_FULL => Status::Full,
            sys::DECOCT_E_BUSY => Status::Busy,
            sys::DECOCT_E_SYSTEM => Status::System,
            other => Status::Other(other),
        }
    }
}

/// The message of the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub status: Status,
    pub message: String,
}

pub type Result<T> = std::result::Result<T, Error>;

impl std::fmt::Display for Error {
    fn fmt(&self, to: &mut std::fmt::Formatter) -> std::fmt::Result {
        to.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

pub(crate) fn wrong<T>(message: String) -> Result<T> {
    Err(Error { status: Status::Argument, message })
}

/// Checks that a slice has the elements of its shape.
pub(crate) fn room(name: &str, has: usize, sizes: &[usize]) -> Result<()> {
    let all = sizes.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
    match all.filter(|&all| all < isize::MAX as usize / 8) {
        None => wrong(format!("{}: the product of its sizes is too large", name)),
        Some(needs) if has < needs => {
            wrong(format!("{} has {} elements, its shape needs {}", name, has, needs))
        }
        Some(_) => Ok(()),
    }
}

/// The same for a slice that may be absent.
pub(crate) fn maybe<T>(name: &str, slice: Option<&[T]>, sizes: &[usize]) -> Result<*const T> {
    slice.map_or(Ok(ptr::null()), |s| room(name, s.len(), sizes).map(|()| s.as_ptr()))
}

pub(crate) fn text(from: *const c_char) -> String {
    if from.is_null() {
        return String::new();
    }
    unsafe { CStr::from_ptr(from) }.to_string_lossy().into_owned()
}

pub(crate) fn c_text(name: &str, from: &str) -> Result<CString> {
    CString::new(from).or_else(|_| wrong(format!("{} has a zero byte", name)))
}

/// Zeroed, with its size: as the library expects a struct.
macro_rules! zeroed {
    ($t:ident) => {{
        #[allow(unused_unsafe)]
        let mut a: decoct_sys::$t = unsafe { std::mem::zeroed() };
        a.struct_size = std::mem::size_of::<decoct_sys::$t>() as u32;
        a
    }};
}
pub(crate) use zeroed;

/// How a context is opened; decoct_options explains each. 0 and None give the defaults.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub threads: i32,
    pub backend: Option<String>,
    pub pin: Option<String>,
    pub strict_backend: bool,
    pub hwloc_environment: bool,
    /// Bytes; 0: no limit.
    pub memory_limit: u64,
}

/// The state of one backend.
#[derive(Clone, Debug)]
pub struct BackendInfo {
    pub chosen: bool,
    pub usable: bool,
    pub forced: bool,
    pub other_bits: bool,
    pub priority: u32,
    pub rejected_count: i32,
    pub name: String,
    pub version: String,
    pub origin: String,
    pub reason: String,
    pub rejected: String,
}

/// Chosen kernels, worker threads and scratch memory: what all calls run on.
#[derive(Debug)]
pub struct Context {
    handle: NonNull<sys::decoct_context>,
    turn: Mutex<()>,    // one call at a time; its message is read before the next one
    owner: AtomicUsize, // the thread that has the turn
}

// The library has no state of a thread but for errors without a context, and `turn` orders the calls.
unsafe impl Send for Context {}
unsafe impl Sync for Context {}

thread_local!(static ME: u8 = 0);

impl Context {
    pub fn open(options: &Options) -> Result<Context> {
        let mut message = [0 as c_char; 512];
        let backend = options.backend.as_deref().map(|s| c_text("backend", s)).transpose()?;
        let pin = options.pin.as_deref().map(|s| c_text("pin", s)).transpose()?;
        let mut o = zeroed!(decoct_options);
        o.threads = options.threads;
        o.backend = backend.as_ref().map_or(ptr::null(), |s| s.as_ptr());
        o.pin = pin.as_ref().map_or(ptr::null(), |s| s.as_ptr());
        o.error = message.as_mut_ptr();
        o.error_size = message.len() as u64;
        o.strict_backend = options.strict_backend.into();
        o.wait = 0; // `turn` waits
        o.hwloc_environment = options.hwloc_environment.into();
        o.memory_limit = options.memory_limit;
        let mut handle = ptr::null_mut();
        let status = unsafe { sys::decoct_context_open(&o, &mut handle) };
        match NonNull::new(handle) {
            Some(handle) if status == sys::DECOCT_OK => {
                Ok(Context { handle, turn: Mutex::new(()), owner: AtomicUsize::new(0) })
            }
            _ => Err(Error { status: status.into(), message: text(message.as_ptr()) }),
        }
    }

    /// One call, and its message. From inside a call (a trace) it is an error, as in C.
    pub(crate) fn call(&self, f: impl FnOnce(*mut sys::decoct_context) -> i32) -> Result<()> {
        let me = ME.with(|me| me as *const u8 as usize);
        if self.owner.load(Ordering::Relaxed) == me {
            let message = "the context is in use by the call that made this one".to_string();
            return Err(Error { status: Status::Busy, message });
        }
        let turn = self.turn.lock().unwrap_or_else(|broken| broken.into_inner());
        self.owner.store(me, Ordering::Relaxed);
        let status = f(self.handle.as_ptr());
        let message = match status {
            sys::DECOCT_OK => String::new(),
            _ => text(unsafe { sys::decoct_last_error(self.handle.as_ptr()) }),
        };
        self.owner.store(0, Ordering::Relaxed);
        drop(turn);
        match status {
            sys::DECOCT_OK => Ok(()),
            _ => Err(Error { status: status.into(), message }),
        }
    }

    pub fn threads(&self) -> i32 {
        unsafe { sys::decoct_context_threads(self.handle.as_ptr()) }
    }

    /// The backend that serves matrix products.
    pub fn backend(&self) -> String {
        self.kernel("matmul").unwrap_or_default()
    }

    /// The backend that serves a kernel, "attention".
    pub fn kernel(&self, name: &str) -> Option<String> {
        let name = CString::new(name).ok()?;
        let found = unsafe { sys::decoct_context_kernel(self.handle.as_ptr(), name.as_ptr()) };
        (!found.is_null()).then(|| text(found))
    }

    /// Bytes in use, and the most so far: of this context, and of what calls on it made.
    pub fn memory(&self) -> (i64, i64) {
        let mut most = 0;
        let now = unsafe { sys::decoct_context_memory(self.handle.as_ptr(), &mut most) };
        (now, most)
    }

    /// Every backend that was found.
    pub fn backends(&self) -> Result<Vec<BackendInfo>> {
        let mut all = Vec::new();
        self.call(|ctx| unsafe {
            for index in 0..sys::decoct_backend_count(ctx) {
                let mut b = zeroed!(decoct_backend_info);
                let status = sys::decoct_backend_describe(ctx, index, &mut b);
                if status != sys::DECOCT_OK {
                    return status;
                }
                all.push(BackendInfo {
                    chosen: b.chosen != 0,
                    usable: b.usable != 0,
                    forced: b.forced != 0,
                    other_bits: b.other_bits != 0,
                    priority: b.priority,
                    rejected_count: b.rejected_count,
                    name: text(b.name),
                    version: text(b.version),
                    origin: text(b.origin),
                    reason: text(b.reason),
                    rejected: text(b.rejected),
                });
            }
            sys::DECOCT_OK
        })?;
        Ok(all)
    }

    /// CPU, topology, quota and backends as JSON.
    pub fn machine_json(&self) -> Result<String> {
        self.sized_text(|ctx, to, size, length| unsafe {
            sys::decoct_machine_json(ctx, to, size, length)
        })
    }

    /// Asks for a length, then for the text.
    pub(crate) fn sized_text(
        &self,
        f: impl Fn(*mut sys::decoct_context, *mut c_char, u64, *mut u64) -> i32,
    ) -> Result<String> {
        let mut length = 0;
        self.call(|ctx| f(ctx, ptr::null_mut(), 0, &mut length))?;
        let mut bytes = vec![0u8; length as usize + 1];
        self.call(|ctx| f(ctx, bytes.as_mut_ptr().cast(), bytes.len() as u64, ptr::null_mut()))?;
        Ok(text(bytes.as_ptr().cast()))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        unsafe { sys::decoct_context_close(self.handle.as_ptr()) }
    }
}
