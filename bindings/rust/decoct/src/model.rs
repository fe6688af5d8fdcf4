// SPDX-License-Identifier: BSD-2-Clause
// Models, sessions, texts that grow.
use crate::{c_text, room, sys, text, wrong, zeroed, Context, Error, Result, Status};
use std::any::Any;
use std::os::raw::c_void;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::ptr::{self, NonNull};

/// What a model is; decoct_model_info explains each.
#[derive(Clone, Debug)]
pub struct ModelInfo {
    pub layers: usize,
    pub heads: usize,
    pub d_model: usize,
    pub d_ffn: usize,
    pub context: usize,
    pub vocabulary: usize,
    pub parameters: i64,
    pub pre_norm: bool,
    pub space_after_words: bool,
    /// "bf16"
    pub dtype: String,
    /// "gpt2"
    pub r#type: String,
    pub notes: String,
}

/// Weights and tokenizer of a model folder. It works with every context.
#[derive(Debug)]
pub struct Model {
    handle: NonNull<sys::decoct_model>,
    info: ModelInfo,
}

// A model never changes, and may be used and freed by any thread.
unsafe impl Send for Model {}
unsafe impl Sync for Model {}

/// A token that could come next. Its text may be part of a UTF-8 character.
#[derive(Clone, Debug)]
pub struct Choice {
    pub text: Vec<u8>,
    pub id: i32,
    pub probability: f32,
}

/// How tokens are drawn; decoct_sample_args explains each. The default is that of `decoct generate`.
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    /// Tokens at most.
    pub count: usize,
    pub temperature: f32,
    pub top_k: i32,
    pub top_p: f32,
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling { count: 40, temperature: 0.8, top_k: 40, top_p: 0.0, seed: 1 }
    }
}

impl Model {
    pub fn open(ctx: &Context, folder: &str) -> Result<Model> {
        let folder = c_text("folder", folder)?;
        let mut handle = ptr::null_mut();
        ctx.call(|ctx| unsafe { sys::decoct_model_open(ctx, folder.as_ptr(), &mut handle) })?;
        let handle = NonNull::new(handle).expect("a handle after success");
        let mut i = zeroed!(decoct_model_info);
        let described = ctx.call(|ctx| unsafe { sys::decoct_model_describe(ctx, handle.as_ptr(), &mut i) });
        let info = ModelInfo {
            layers: i.layers as usize,
            heads: i.heads as usize,
            d_model: i.d_model as usize,
            d_ffn: i.d_ffn as usize,
            context: i.context as usize,
            vocabulary: i.vocabulary as usize,
            parameters: i.parameters,
            pre_norm: i.norm_order == sys::DECOCT_PRE_NORM,
            space_after_words: i.space_after_words != 0,
            dtype: text(unsafe { sys::decoct_dtype_name(i.dtype) }),
            r#type: text(i.r#type),
            notes: text(i.notes),
        };
        let model = Model { handle, info };
        described.map(|()| model)
    }

    /// The model that comes with the library.
    pub fn potion(ctx: &Context) -> Result<Model> {
        let folder = ctx.sized_text(|ctx, to, size, length| unsafe {
            sys::decoct_default_model(ctx, to, size, length)
        })?;
        Model::open(ctx, &folder)
    }

    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Whether a token ends a text.
    pub fn is_end(&self, id: i32) -> bool {
        unsafe { sys::decoct_model_is_end(self.handle.as_ptr(), id) != 0 }
    }

    pub fn encode(&self, ctx: &Context, text: &str) -> Result<Vec<i32>> {
        let mut ids = vec![0; text.len() + 1];
        let (room, mut count) = (ids.len() as i64, 0);
        let (bytes, length) = (text.as_ptr().cast(), text.len() as u64);
        ctx.call(|ctx| unsafe {
            sys::decoct_encode(ctx, self.handle.as_ptr(), bytes, length, ids.as_mut_ptr(), room, &mut count)
        })?;
        ids.truncate(count as usize);
        Ok(ids)
    }

    /// The bytes of tokens; one token may be part of a UTF-8 character.
    pub fn decode(&self, ctx: &Context, ids: &[i32]) -> Result<Vec<u8>> {
        let (count, mut length) = (ids.len() as i64, 0);
        let asked = ctx.call(|ctx| unsafe {
            sys::decoct_decode(ctx, self.handle.as_ptr(), ids.as_ptr(), count, ptr::null_mut(), 0, &mut length)
        });
        match asked {
            Err(Error { status: Status::Full, .. }) => (),
            other => return other.map(|()| Vec::new()),
        }
        let mut bytes = vec![0u8; length as usize];
        ctx.call(|ctx| unsafe {
            let to = bytes.as_mut_ptr().cast();
            sys::decoct_decode(ctx, self.handle.as_ptr(), ids.as_ptr(), count, to, length, &mut length)
        })?;
        Ok(bytes)
    }

    /// A text of at most max_tokens tokens; 0: the model's context. It borrows the context on which it
    /// runs and the model.
    pub fn session<'a>(&'a self, ctx: &'a Context, max_tokens: usize) -> Result<Session<'a>> {
        let mut handle = ptr::null_mut();
        ctx.call(|ctx| unsafe {
            sys::decoct_session_create(ctx, self.handle.as_ptr(), max_tokens as i64, &mut handle)
        })?;
        let handle = NonNull::new(handle).expect("a handle after success");
        Ok(Session { ctx, model: self, handle, tracer: None })
    }

    /// The `count` most probable tokens after a text, the most probable one first.
    pub fn next(&self, ctx: &Context, text: &str, count: usize) -> Result<Vec<Choice>> {
        let logits = self.session(ctx, 0)?.eval(&self.encode(ctx, text)?)?;
        let mut p = vec![0.0; logits.len()];
        ctx.softmax(1, logits.len(), 1.0, &logits, &mut p)?;
        let mut order: Vec<i32> = (0..p.len() as i32).collect();
        order.sort_by(|&a, &b| p[b as usize].total_cmp(&p[a as usize])); // stable: the smaller id first
        let best = order.iter().take(count);
        best.map(|&id| Ok(Choice { text: self.decode(ctx, &[id])?, id, probability: p[id as usize] })).collect()
    }

    /// The text that follows a prompt, token by token: until `count`, its end, or a full context.
    pub fn stream<'a>(&'a self, ctx: &'a Context, prompt: &str, how: Sampling) -> Result<Stream<'a>> {
        let feed = self.encode(ctx, prompt)?;
        let room = (self.info.context + 1).saturating_sub(feed.len()).max(1); // the last one is not fed
        let left = how.count.min(room); // of a prompt that is too long eval() reports it
        Ok(Stream { session: self.session(ctx, 0)?, how, feed, drawn: 0, left })
    }

    /// The whole text that follows a prompt.
    pub fn generate(&self, ctx: &Context, prompt: &str, how: Sampling) -> Result<String> {
        let pieces = self.stream(ctx, prompt, how)?.collect::<Result<Vec<_>>>()?;
        Ok(String::from_utf8_lossy(&pieces.concat()).into_owned())
    }

    /// The scores of the model's last steps for the residual stream x (rows, d_model).
    pub fn logits(&self, ctx: &Context, rows: usize, x: &[f32]) -> Result<Vec<f32>> {
        room("x", x.len(), &[rows, self.info.d_model])?;
        let mut to = vec![0.0; rows * self.info.vocabulary];
        ctx.call(|ctx| unsafe {
            sys::decoct_model_logits(ctx, self.handle.as_ptr(), rows as i64, x.as_ptr(), 0, to.as_mut_ptr(), 0)
        })?;
        Ok(to)
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        unsafe { sys::decoct_model_close(self.handle.as_ptr()) }
    }
}

/// What one step of a model did since [`Session::profile`]; decoct_step_info explains each.
#[derive(Clone, Debug)]
pub struct Step {
    pub layer: i64,
    pub name: String,
    pub calls: i64,
    pub seconds: f64,
    pub flops: f64,
    pub bytes: f64,
}

/// What one step of a model wrote; row i of (rows, cols) begins at values[i * stride].
#[derive(Clone, Copy, Debug)]
pub struct Traced<'s> {
    pub index: i64,
    pub layer: i64,
    pub name: &'s str,
    pub first: i64,
    pub rows: usize,
    pub cols: usize,
    pub stride: usize,
    pub values: &'s [f32],
}

struct Tracer<'a> {
    see: Box<dyn FnMut(&Traced) + Send + 'a>,
    panicked: Option<Box<dyn Any + Send>>,
}

/// One running text.
pub struct Session<'a> {
    ctx: &'a Context,
    model: &'a Model,
    handle: NonNull<sys::decoct_session>,
    tracer: Option<Box<Tracer<'a>>>,
}

// A session belongs to one call at a time, on any thread: what changes it needs &mut.
unsafe impl Send for Session<'_> {}

unsafe extern "C" fn traced(user: *mut c_void, step: *const sys::decoct_trace_step) {
    let (tracer, s) = (&mut *(user as *mut Tracer), &*step);
    if tracer.panicked.is_some() {
        return;
    }
    let name = text(s.name);
    let (rows, cols, stride) = (s.rows as usize, s.cols as usize, s.stride as usize);
    let reach = if rows == 0 { 0 } else { (rows - 1) * stride + cols };
    let values = if reach == 0 { &[][..] } else { std::slice::from_raw_parts(s.values, reach) };
    let step = Traced { index: s.index, layer: s.layer, name: &name, first: s.first, rows, cols, stride, values };
    // A panic must not cross C: it waits until the call has returned.
    tracer.panicked = catch_unwind(AssertUnwindSafe(|| (tracer.see)(&step))).err();
}

impl<'a> Session<'a> {
    fn call(&self, f: impl FnOnce(*mut sys::decoct_context, *mut sys::decoct_session) -> i32) -> Result<()> {
        self.ctx.call(|ctx| f(ctx, self.handle.as_ptr()))
    }

    fn run(&mut self, ids: &[i32], all: bool) -> Result<Vec<f32>> {
        if ids.is_empty() {
            return wrong("there are no tokens to evaluate".to_string());
        }
        let rows = if all { ids.len() } else { 1 };
        let mut logits = vec![0.0; rows * self.model.info.vocabulary];
        let count = ids.len() as i64;
        let status = self.call(|ctx, session| unsafe {
            sys::decoct_session_eval(ctx, session, ids.as_ptr(), count, all.into(), logits.as_mut_ptr())
        });
        if let Some(panic) = self.tracer.as_mut().and_then(|tracer| tracer.panicked.take()) {
            resume_unwind(panic);
        }
        status.map(|()| logits)
    }

    /// Feeds tokens; the scores of the token that follows.
    pub fn eval(&mut self, ids: &[i32]) -> Result<Vec<f32>> {
        self.run(ids, false)
    }

    /// The scores after each token, (tokens, vocabulary).
    pub fn eval_all(&mut self, ids: &[i32]) -> Result<Vec<f32>> {
        self.run(ids, true)
    }

    /// How many tokens the session has seen.
    pub fn length(&self) -> usize {
        unsafe { sys::decoct_session_length(self.handle.as_ptr()) as usize }
    }

    pub fn truncate(&mut self, length: usize) -> Result<()> {
        self.call(|ctx, session| unsafe { sys::decoct_session_truncate(ctx, session, length as i64) })
    }

    /// Hides position `key` from position `query`, in one layer and head, or in all of them.
    pub fn cut(&mut self, layer: Option<usize>, head: Option<usize>, query: usize, key: usize) -> Result<()> {
        let at = |place: Option<usize>| place.map_or(-1, |p| p as i64);
        self.call(|ctx, session| unsafe {
            sys::decoct_session_cut_in(ctx, session, at(layer), at(head), query as i64, key as i64)
        })
    }

    pub fn uncut(&mut self) -> Result<()> {
        self.call(|ctx, session| unsafe { sys::decoct_session_uncut(ctx, session) })
    }

    pub fn causal(&mut self, on: bool) -> Result<()> {
        self.call(|ctx, session| unsafe { sys::decoct_session_causal(ctx, session, on.into()) })
    }

    pub fn positions(&mut self, on: bool) -> Result<()> {
        self.call(|ctx, session| unsafe { sys::decoct_session_positions(ctx, session, on.into()) })
    }

    /// Before the first token: what [`Session::attention`] needs is kept.
    pub fn keep_queries(&mut self) -> Result<()> {
        self.call(|ctx, session| unsafe { sys::decoct_session_keep_queries(ctx, session) })
    }

    /// The attention weights of a layer and head, (length, length).
    pub fn attention(&self, layer: usize, head: usize) -> Result<Vec<f32>> {
        let mut weights = vec![0.0; self.length() * self.length()];
        self.call(|ctx, session| unsafe {
            sys::decoct_session_attention(ctx, session, layer as i64, head as i64, weights.as_mut_ptr())
        })?;
        Ok(weights)
    }

    pub fn profile(&mut self, on: bool) -> Result<()> {
        self.call(|ctx, session| unsafe { sys::decoct_session_profile(ctx, session, on.into()) })
    }

    /// All steps in the order in which they run.
    pub fn steps(&self) -> Result<Vec<Step>> {
        let mut all = Vec::new();
        self.call(|ctx, session| unsafe {
            for index in 0..sys::decoct_session_step_count(session) {
                let mut s = zeroed!(decoct_step_info);
                let status = sys::decoct_session_step(ctx, session, index, &mut s);
                if status != sys::DECOCT_OK {
                    return status;
                }
                let (layer, calls, name) = (s.layer, s.calls, text(s.name));
                all.push(Step { layer, name, calls, seconds: s.seconds, flops: s.flops, bytes: s.bytes });
            }
            sys::DECOCT_OK
        })?;
        Ok(all)
    }

    /// Seconds of the timed steps in which a thread (0 is the caller's) had nothing to do.
    pub fn idle(&self, worker: usize) -> Result<f64> {
        let mut seconds = 0.0;
        self.call(|ctx, session| unsafe {
            sys::decoct_session_idle(ctx, session, worker as i32, &mut seconds)
        })?;
        Ok(seconds)
    }

    /// Calls `see` after each step of later evaluations; it cannot use the context. Its panic comes out
    /// of [`Session::eval`], after the call.
    pub fn trace(&mut self, see: impl FnMut(&Traced) + Send + 'a) -> Result<()> {
        let mut next = Box::new(Tracer { see: Box::new(see), panicked: None });
        let user: *mut Tracer = &mut *next;
        self.call(|ctx, session| unsafe { sys::decoct_session_trace(ctx, session, Some(traced), user.cast()) })?;
        self.tracer = Some(next);
        Ok(())
    }

    pub fn untrace(&mut self) -> Result<()> {
        self.call(|ctx, session| unsafe { sys::decoct_session_trace(ctx, session, None, ptr::null_mut()) })?;
        self.tracer = None;
        Ok(())
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        unsafe { sys::decoct_session_destroy(self.handle.as_ptr()) }
    }
}

/// A text that grows: an iterator over the bytes of its tokens.
pub struct Stream<'a> {
    session: Session<'a>,
    how: Sampling,
    feed: Vec<i32>,
    drawn: u64,
    left: usize,
}

impl Stream<'_> {
    fn draw(&mut self) -> Result<Option<Vec<u8>>> {
        let (ctx, model) = (self.session.ctx, self.session.model);
        let logits = self.session.eval(&self.feed)?;
        let id = ctx.sample(&self.how, &logits, self.drawn)?;
        self.drawn += 1;
        self.feed = vec![id];
        if model.is_end(id) {
            return Ok(None);
        }
        model.decode(ctx, &self.feed).map(Some)
    }
}

impl Iterator for Stream<'_> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let drawn = self.draw();
        if !matches!(drawn, Ok(Some(_))) {
            self.left = 0;
        }
        drawn.transpose()
    }
}

impl Context {
    /// Draws one token from scores.
    pub fn sample(&self, how: &Sampling, logits: &[f32], position: u64) -> Result<i32> {
        let mut a = zeroed!(decoct_sample_args);
        a.top_k = how.top_k;
        a.temperature = how.temperature;
        a.top_p = how.top_p;
        a.seed = how.seed;
        a.position = position;
        let mut id = 0;
        self.call(|ctx| unsafe {
            sys::decoct_sample(ctx, &a, logits.as_ptr(), logits.len() as i64, &mut id)
        })?;
        Ok(id)
    }
}
