// Node-RED on a gateway: runs the flow that Muster sends, offers no editor, and asks nobody on the network.
module.exports = {
  uiHost: "127.0.0.1",
  uiPort: Number("${analytics_port}"),
  flowFile: "${muster.config}/flows.json",
  credentialSecret: false,
  httpAdminRoot: false,
  httpStatic: [],
  disableEditor: true,
  diagnostics: { enabled: false },
  telemetry: { enabled: false, updateNotification: false },
  externalModules: {
    autoInstall: false,
    palette: { allowInstall: false, allowUpload: false },
    modules: { allowInstall: false },
  },
  // The flow has no use for these, and a gateway none for a node that runs commands: without them it starts sooner.
  nodesExcludes: [
    "90-exec.js", "10-file.js", "23-watch.js", "21-httprequest.js", "22-websocket.js", "31-tcpin.js", "32-udp.js",
    "70-CSV.js", "70-HTML.js", "70-XML.js", "70-YAML.js", "17-split.js", "18-sort.js", "19-batch.js",
  ],
  contextStorage: { default: { module: "memory" } },
  functionGlobalContext: { readings: require("./readings.js") },
  logging: { console: { level: "info", metrics: false, audit: false } },
};
