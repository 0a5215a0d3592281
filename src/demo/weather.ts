/** Demo MCP server: the weather of a few cities, as tools, resources and a prompt. */
import { McpServer, ResourceTemplate, fromJsonSchema } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { dataAnswer, failedAnswer } from "./answers.ts";

const skies = ["clear", "cloudy", "rain", "wind", "clear", "snow", "fog"] as const;
const cities = new Map([
  ["bern", { temperature: 11, sky: 1 }],
  ["lima", { temperature: 19, sky: 0 }],
  ["oslo", { temperature: 4, sky: 5 }],
  ["tokyo", { temperature: 22, sky: 2 }],
]);

const citySchema = { type: "string", description: "Name of a city", maxLength: 64 } as const;
const hint = { readOnlyHint: true, openWorldHint: false } as const;

function weatherOn(city: string, day: number): Record<string, unknown> | undefined {
  const today = cities.get(city.toLowerCase());
  if (today === undefined) return undefined;
  const sky = skies[(today.sky + day) % skies.length];
  return { city, day, temperature: today.temperature + ((day * 3) % 5), sky };
}

function unknown(city: string): string {
  return `No weather for "${city}": known are ${[...cities.keys()].join(", ")}`;
}

function createWeather(): McpServer {
  const server = new McpServer(
    { name: "weather", version: "1.0.0" },
    { instructions: "Ask for the weather of a city, now or for up to 7 days." },
  );
  server.registerTool(
    "current",
    {
      title: "Current weather",
      description: "The weather of a city now",
      inputSchema: fromJsonSchema<{ city: string }>({
        type: "object",
        properties: { city: citySchema },
        required: ["city"],
      }),
      annotations: hint,
    },
    ({ city }) => {
      const weather = weatherOn(city, 0);
      return weather === undefined ? failedAnswer(unknown(city)) : dataAnswer(weather);
    },
  );
  server.registerTool(
    "forecast",
    {
      title: "Forecast",
      description: "The weather of a city for the next days",
      inputSchema: fromJsonSchema<{ city: string; days: number }>({
        type: "object",
        properties: { city: citySchema, days: { type: "integer", minimum: 1, maximum: 7 } },
        required: ["city", "days"],
      }),
      annotations: hint,
    },
    ({ city, days }) => {
      if (weatherOn(city, 0) === undefined) return failedAnswer(unknown(city));
      const each = Array.from({ length: days }, (_, index) => weatherOn(city, index + 1));
      return dataAnswer({ city, days: each });
    },
  );
  server.registerResource(
    "now",
    new ResourceTemplate("weather://{city}/now", {
      list: () => ({
        resources: [...cities.keys()].map((city) => ({
          name: city,
          uri: `weather://${city}/now`,
          mimeType: "application/json",
        })),
      }),
    }),
    { description: "The weather of a city now", mimeType: "application/json" },
    (uri, { city }) => {
      const weather = weatherOn(String(city), 0);
      if (weather === undefined) throw new Error(unknown(String(city)));
      return {
        contents: [{ uri: uri.href, mimeType: "application/json", text: JSON.stringify(weather) }],
      };
    },
  );
  server.registerPrompt(
    "packing-list",
    {
      description: "What to pack for a city",
      argsSchema: fromJsonSchema<{ city: string }>({
        type: "object",
        properties: { city: citySchema },
        required: ["city"],
      }),
    },
    ({ city }) => ({
      messages: [
        {
          role: "user",
          content: { type: "text", text: `Look at the forecast for ${city}: what shall I pack?` },
        },
      ],
    }),
  );
  return server;
}

serveStdio(createWeather);
