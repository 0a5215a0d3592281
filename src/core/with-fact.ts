/** Copies the exchange with one fact more. */
import type { Arrival, Cleaned, Reviewed } from "./exchange.ts";

type AllFacts = Partial<Reviewed & Cleaned>;

/**
 * Every fact has its place from the start, so that all exchanges have one shape: copying one that
 * grows costs ten times as much, and each call is copied at sixteen places. A fact that is missing
 * here does not compile.
 */
class Facts implements Record<keyof AllFacts, unknown> {
  id;
  transport;
  time;
  httpMethod;
  path;
  headers;
  body;
  address;
  forwarded;
  signal;
  endpoint;
  client;
  quota;
  input;
  plugins;
  target;
  permit;
  shaped;
  call;
  judgement;
  approval;
  metered;
  raw;
  timing;
  cleaned;
  asked;
  reviewed;
  answer;
  redactions;
  signed;

  constructor(from: AllFacts) {
    this.id = from.id;
    this.transport = from.transport;
    this.time = from.time;
    this.httpMethod = from.httpMethod;
    this.path = from.path;
    this.headers = from.headers;
    this.body = from.body;
    this.address = from.address;
    this.forwarded = from.forwarded;
    this.signal = from.signal;
    this.endpoint = from.endpoint;
    this.client = from.client;
    this.quota = from.quota;
    this.input = from.input;
    this.plugins = from.plugins;
    this.target = from.target;
    this.permit = from.permit;
    this.shaped = from.shaped;
    this.call = from.call;
    this.judgement = from.judgement;
    this.approval = from.approval;
    this.metered = from.metered;
    this.raw = from.raw;
    this.timing = from.timing;
    this.cleaned = from.cleaned;
    this.asked = from.asked;
    this.reviewed = from.reviewed;
    this.answer = from.answer;
    this.redactions = from.redactions;
    this.signed = from.signed;
  }
}

/** The exchange itself is never changed. */
export function withFact<Exchange extends Arrival, Fact extends Partial<AllFacts>>(
  exchange: Exchange,
  fact: Fact,
): Exchange & Fact {
  return Object.assign(new Facts(exchange), fact) as unknown as Exchange & Fact;
}
