//! The job under construction: the graph, and the typed parts beside it.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};

use brisk_memory::config::Configuration;

use crate::{
    Record,
    chain::{Nothing, Template},
    error::Error,
    exchange::HashWriter,
    graph::{
        ChainingStrategy, EdgeId, Exchange, GraphSettings, InputIndex, JobGraph, JobType, NewEdge,
        NodeId, Parallelism, StreamGraph, StreamNode,
    },
    job::{JobProgram, JobSettings},
    record::selector::KeySelector,
    state::{
        backend::{self, BackendSettings},
        spill::SpillGround,
    },
    task::{BuildContext, ChainTask, ErasedEdge, JobFactories, TaskBody, TaskFactory},
};

/// A program under construction, shared by its streams.
#[derive(Clone, Debug)]
pub(super) struct Program {
    inner: Rc<RefCell<Inner>>,
}

#[derive(Debug)]
struct Inner {
    graph: StreamGraph,
    factories: JobFactories,
    /// The first thing that was described wrongly; reported by `execute`.
    fault: Option<String>,
    all_bounded: bool,
    /// An operator whose form is right for bounded input alone.
    batch_form: Option<&'static str>,
}

/// Where the records of a stream come from.
pub(super) struct Origin {
    pub(super) program: Program,
    pub(super) node: NodeId,
    pub(super) tag: Option<String>,
    /// `None` if the program named none.
    pub(super) exchange: Option<Exchange>,
    pub(super) spec: Arc<dyn ErasedEdge>,
    /// Builds the producing task with a static end for this edge.
    pub(super) factory: Option<TaskFactory>,
    /// The consumer must not be chained: others read this stream too.
    pub(super) shared: bool,
}

impl Clone for Origin {
    fn clone(&self) -> Self {
        Self {
            program: self.program.clone(),
            node: self.node,
            tag: self.tag.clone(),
            exchange: self.exchange,
            spec: Arc::clone(&self.spec),
            factory: self.factory.clone(),
            shared: self.shared,
        }
    }
}

impl Program {
    pub(super) fn new(settings: GraphSettings) -> Self {
        let inner = Inner {
            graph: StreamGraph::new(settings),
            factories: JobFactories::default(),
            fault: None,
            all_bounded: true,
            batch_form: None,
        };
        Self { inner: Rc::new(RefCell::new(inner)) }
    }

    /// Takes what was described and begins anew with the same settings.
    pub(super) fn take(&self, job_name: &str, config: &Configuration) -> Result<JobProgram, Error> {
        let mut inner = self.inner.borrow_mut();
        let settings = inner.graph.settings().clone();
        let mut graph = std::mem::replace(&mut inner.graph, StreamGraph::new(settings));
        let factories = std::mem::take(&mut inner.factories);
        inner.all_bounded = true;
        inner.batch_form = None;
        if let Some(fault) = inner.fault.take() {
            return Err(Error::Program(fault));
        }
        graph.settings_mut().job_name = job_name.to_string();
        let settings = JobSettings::read(config, graph.settings().job_type)?;
        let built = JobGraph::build(&graph)?;
        let slots = built.vertices().iter().map(|vertex| vertex.parallelism).max();
        let slots = slots.unwrap_or(Parallelism(1));
        let backend = backend::configured(BackendSettings { config, slots })?;
        let spill = Arc::new(SpillGround::configured(config, &built)?);
        Ok(JobProgram { graph: built, stream: graph, factories, settings, backend, spill })
    }

    /// The job graph of what was described so far.
    pub(super) fn job_graph(&self, job_name: &str) -> Result<JobGraph, Error> {
        let inner = self.inner.borrow();
        if let Some(fault) = &inner.fault {
            return Err(Error::Program(fault.clone()));
        }
        let mut graph = inner.graph.clone();
        graph.settings_mut().job_name = job_name.to_string();
        Ok(JobGraph::build(&graph)?)
    }

    pub(super) fn change_settings(&self, change: impl FnOnce(&mut GraphSettings)) {
        change(self.inner.borrow_mut().graph.settings_mut());
    }

    /// Sets how the job runs. What was described for bounded input stays so.
    pub(super) fn set_job_type(&self, job_type: JobType) {
        self.change_settings(|settings| settings.job_type = job_type);
        let batch_form = self.inner.borrow().batch_form;
        if let (JobType::Streaming, Some(operator)) = (job_type, batch_form) {
            self.fault(format!(
                "the job became a streaming one after '{operator}' was described for bounded input: \
                 describe unbounded sources first, or call set_runtime_mode before all operators"
            ));
        }
    }

    /// Notes an operator that gives its results at the end of bounded input.
    pub(super) fn note_batch_form(&self, operator: &'static str) {
        self.inner.borrow_mut().batch_form = Some(operator);
    }

    pub(super) fn settings(&self) -> GraphSettings {
        self.inner.borrow().graph.settings().clone()
    }

    pub(super) fn note_source(&self, bounded: bool) {
        self.inner.borrow_mut().all_bounded &= bounded;
    }

    pub(super) fn all_bounded(&self) -> bool {
        self.inner.borrow().all_bounded
    }

    pub(super) fn fault(&self, fault: String) {
        self.inner.borrow_mut().fault.get_or_insert(fault);
    }

    pub(super) fn add_node(&self, node: StreamNode) -> NodeId {
        self.inner.borrow_mut().graph.add_node(node)
    }

    pub(super) fn change_graph(&self, change: impl FnOnce(&mut StreamGraph)) {
        change(&mut self.inner.borrow_mut().graph);
    }

    /// Connects `origins` to an input of `node`.
    pub(super) fn connect(&self, origins: Vec<Origin>, node: NodeId, input: u32) {
        let mut inner = self.inner.borrow_mut();
        let Inner { graph, factories, fault, .. } = &mut *inner;
        for origin in origins {
            if !Rc::ptr_eq(&origin.program.inner, &self.inner) {
                fault.get_or_insert_with(|| {
                    let operator = &graph.node(node).name;
                    format!(
                        "'{operator}' reads a stream of another environment: describe both in one"
                    )
                });
                continue;
            }
            let mut edge = NewEdge::between(origin.node, node).into_input(InputIndex(input));
            if let Some(tag) = origin.tag {
                edge = edge.of_side_output(tag);
            }
            if let Some(exchange) = origin.exchange {
                edge = edge.by(exchange);
            }
            if origin.shared {
                graph.set_chaining_strategy(node, ChainingStrategy::Head);
            }
            let id: EdgeId = graph.add_edge(edge);
            factories.edges.insert(id, origin.spec);
            if let Some(factory) = origin.factory {
                factories.by_edge.insert(id, factory);
            }
        }
    }

    /// How a task that ends with `node` is built, whatever its outputs.
    pub(super) fn set_tail<C: Template>(&self, node: NodeId, chain: &C) {
        let factory = factory(chain, move |chain: &C, cx: &mut BuildContext| {
            let running = chain.build(cx)?;
            Ok(Box::new(ChainTask::new(running, cx.tail::<C::Out>(node)?)) as Box<dyn TaskBody>)
        });
        self.inner.borrow_mut().factories.by_tail.insert(node, factory);
    }

    /// How a task that ends with the sink `node` is built.
    pub(super) fn set_sink<C: Template<Out = ()>>(&self, node: NodeId, chain: &C) {
        let factory = factory(chain, |chain: &C, cx: &mut BuildContext| {
            Ok(Box::new(ChainTask::new(chain.build(cx)?, Nothing)) as Box<dyn TaskBody>)
        });
        self.inner.borrow_mut().factories.by_tail.insert(node, factory);
    }
}

/// How a task is built that ends with `node` and one keyed edge.
pub(super) fn keyed_factory<C, S>(chain: &C, node: NodeId, selector: &S) -> TaskFactory
where
    C: Template,
    S: KeySelector<C::Out>,
{
    let selector = Mutex::new(selector.clone());
    factory(chain, move |chain: &C, cx: &mut BuildContext| {
        let running = chain.build(cx)?;
        let selector = selector.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (writer, output) = cx.only_output(node)?;
        let end = HashWriter::<C::Out, S>::new(writer, selector, output.key_group_owners());
        Ok(Box::new(ChainTask::new(running, end)) as Box<dyn TaskBody>)
    })
}

type Build<C> = dyn Fn(&C, &mut BuildContext) -> Result<Box<dyn TaskBody>, Error> + Send + Sync;

/// A factory over a copy of `chain`, which is only `Send`: the lock makes it `Sync`.
fn factory<C: Template>(
    chain: &C,
    build: impl Fn(&C, &mut BuildContext) -> Result<Box<dyn TaskBody>, Error> + Send + Sync + 'static,
) -> TaskFactory {
    let chain = Mutex::new(chain.clone());
    let build: Box<Build<C>> = Box::new(build);
    Arc::new(move |cx| {
        let copy = chain.lock().unwrap_or_else(PoisonError::into_inner).clone();
        build(&copy, cx)
    })
}

/// The typed part of a keyed edge, for producers with several outputs.
pub(super) fn keyed_spec<T: Record, S: KeySelector<T>>(selector: &S) -> Arc<dyn ErasedEdge> {
    let selector = Mutex::new(selector.clone());
    crate::task::EdgeSpec::<T>::keyed(Box::new(move |writer, output, _| {
        let selector = selector.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::new(HashWriter::<T, S>::new(writer, selector, output.key_group_owners()))
    }))
}
