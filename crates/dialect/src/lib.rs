//! Trino's dialect for DataFusion, so that queries written for Athena, CloudTrail Lake or Tailpipe run as they are.
//!
//! A statement passes three stages: [`readable`] settles what is no SQL yet, [`Names::settle`] rewrites the parsed
//! tree, and what [`install`] adds to a session (planners, types, an analyzer rule, functions) decides by types.

mod aggregates;
mod datetime;
mod decimals;
mod function;
mod functions;
mod json;
mod nested;
mod numbers;
mod plan;
#[cfg(test)]
mod properties;
mod recall;
mod syntax;
mod text;
mod type_name;

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::registry::FunctionRegistry;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::optimizer::analyzer::Analyzer;
use datafusion::optimizer::{AnalyzerRule, Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

pub use plan::described;
pub use syntax::{
    Command, Names, Notice, RowMembers, TableColumns, TableNames, TrinoDialect, WideRelations, bind_arguments, readable,
};

/// Builds a session state that speaks the dialect, from a builder with DataFusion's default features.
pub fn install(builder: SessionStateBuilder) -> Result<SessionState> {
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![
        Arc::new(plan::SubqueryMarks),
        Arc::new(plan::DialectRule),
        Arc::new(plan::CorrelatedKeys),
        Arc::new(plan::LambdaKeys),
    ];
    rules.extend(Analyzer::new().rules);
    let mut builder = builder
        .with_analyzer_rules(rules)
        .with_optimizer_rules(optimizer_rules())
        .with_physical_optimizer_rules(physical_optimizer_rules())
        .with_type_planner(Arc::new(plan::DialectTypes));
    // Ahead of DataFusion's planners, which take the operators as they are.
    builder.expr_planners().get_or_insert_default().insert(0, Arc::new(plan::DialectPlanner));
    builder.relation_planners().get_or_insert_default().insert(0, Arc::new(plan::UnnestPlanner));
    let mut state = builder.build();
    for function in functions::all() {
        state.register_udf(function)?;
    }
    for function in aggregates::all() {
        state.register_udaf(Arc::clone(function))?;
    }
    for function in nested::higher_order_functions() {
        state.register_higher_order_function(function)?;
    }
    Ok(state)
}

/// DataFusion's rules, with ours where it is needed.
fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    let at = rules.iter().position(|rule| rule.name() == plan::BEFORE).unwrap_or(rules.len());
    rules.insert(at, Arc::new(plan::RepeatedColumns));
    rules
}

/// DataFusion's rules, behind ours.
fn physical_optimizer_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = vec![Arc::new(plan::LambdaPlaces)];
    rules.extend(PhysicalOptimizer::new().rules);
    rules
}
