// What the flow computes: a moving average of each reading, and a warning while a temperature's average is too high.

const AVERAGE_OF = Number("${average_of}");
const TEMPERATURE_LIMIT = Number("${temperature_limit}");

const windows = new Map();
let count = 0;

/**
 * One message of collectd: topic plant/<node>/modbus-machine/<reading>, payload "<time>:<value>".
 * Gives the message to publish, or null when there is no value in it.
 */
function derive(message) {
  const [, node, , reading] = message.topic.split("/");
  const [time, value] = String(message.payload).replace(/\0/g, "").split(":").map(Number);
  if (!reading || !Number.isFinite(time) || !Number.isFinite(value)) return null;
  const window = windows.get(reading) || [];
  window.push(value);
  if (window.length > AVERAGE_OF) window.shift();
  windows.set(reading, window);
  count += 1;
  const average = window.reduce((sum, one) => sum + one, 0) / window.length;
  const payload = { time, value, average: Number(average.toFixed(3)), samples: window.length };
  if (reading.startsWith("temperature")) payload.warning = average > TEMPERATURE_LIMIT;
  return { topic: "derived/" + node + "/" + reading, payload: JSON.stringify(payload) };
}

/** The body of the health endpoint: that it answers at all shows that the flow runs. */
function health() {
  return { ok: true, readings: count, sensors: windows.size };
}

module.exports = { derive, health };
