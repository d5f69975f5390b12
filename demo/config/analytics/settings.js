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
  contextStorage: { default: { module: "memory" } },
  functionGlobalContext: { readings: require("./readings.js") },
  logging: { console: { level: "info", metrics: false, audit: false } },
};
