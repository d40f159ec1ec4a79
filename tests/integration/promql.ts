/** Reads PromQL with Prometheus' own grammar: is it well-formed, and what does it name? */
import { parser } from "@prometheus-io/lezer-promql";

/** What a selector asks for. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

/** An expression, taken apart. */
export interface Expression {
  /** Empty: well-formed. */
  readonly errors: readonly string[];
  readonly selectors: readonly Selector[];
  /** Labels of every `by (…)`. */
  readonly grouping: readonly string[];
}

/** What Grafana puts in before it asks. */
function filledIn(text: string): string {
  return text.replaceAll("$__rate_interval", "5m");
}

/** Takes an expression apart. */
export function readPromQl(source: string): Expression {
  const text = filledIn(source);
  const tree = parser.parse(text);
  const errors: string[] = [];
  const grouping: string[] = [];
  const selectors: { metric: string; matchers: { label: string; operator: string; value: string }[] }[] = [];
  tree.iterate({
    enter: ({ type, name, from, to, node }) => {
      const own = text.slice(from, to);
      if (type.isError) errors.push(`at ${from}: ${text.slice(Math.max(0, from - 20), to + 20)}`);
      if (name === "VectorSelector") {
        selectors.push({ metric: text.slice(from, node.getChild("Identifier")?.to ?? to), matchers: [] });
      } else if (name === "LabelName" && node.parent?.name === "GroupingLabels") grouping.push(own);
      else if (name === "UnquotedLabelMatcher") {
        const [, label = "", operator = "", value = ""] = /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/s.exec(own) ?? [];
        selectors.at(-1)?.matchers.push({ label, operator, value });
      }
    },
  });
  return { errors, selectors, grouping };
}
