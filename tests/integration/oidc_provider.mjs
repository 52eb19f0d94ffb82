// The certified OpenID provider of others, on a free port of this machine: prints its issuer, and ends with its
// standard input. Refresh tokens rotate; a client without a secret needs PKCE. Any login is right.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const peers = createRequire(new URL("../../build/node-peers/package.json", import.meta.url));
const { default: Provider } = await import(pathToFileURL(peers.resolve("oidc-provider")));

const common = {
    redirect_uris: ["http://127.0.0.1/callback"],
    application_type: "native", // any port (RFC 8252 section 7.3)
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
};
const server = createServer();
server.listen(0, "127.0.0.1", () => {
    const issuer = `http://127.0.0.1:${server.address().port}`;
    const provider = new Provider(issuer, {
        clients: [
            { ...common, client_id: "public", token_endpoint_auth_method: "none" },
            { ...common, client_id: "basic", client_secret: "s e/cret", token_endpoint_auth_method: "client_secret_basic" },
            { ...common, client_id: "post", client_secret: "s e/cret", token_endpoint_auth_method: "client_secret_post" },
            {
                client_id: "robot", client_secret: "s e/cret", redirect_uris: [], response_types: [],
                grant_types: ["client_credentials"],
            },
            { ...common, client_id: "online", token_endpoint_auth_method: "none", grant_types: ["authorization_code"] },
        ],
        features: {
            clientCredentials: { enabled: true }, devInteractions: { enabled: true }, introspection: { enabled: true },
        },
        pkce: { methods: ["S256"], required: () => true },
        rotateRefreshToken: true,
        findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    });
    server.on("request", provider.callback());
    console.log(issuer);
});
process.stdin.on("end", () => process.exit(0)).resume();
