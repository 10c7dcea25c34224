// Steps for the npm package promise-ftp: methods of its client, on one connection.  Where it hands out streams or takes
// things that JSON cannot carry, there are steps of our own: download, putText, breakOff.
"use strict";

const fs = require("fs");
const { pipeline } = require("stream/promises");
const PromiseFtp = require("promise-ftp");
const { readJob, runSteps } = require("./run_steps");

class Client extends PromiseFtp {
	async download(remote, local, offset) {
		if (offset > 0)
			await this.restart(offset);
		await pipeline(await this.get(remote), fs.createWriteStream(local, { flags: offset > 0 ? "a" : "w" }));
	}

	putText(text, remote) {
		return this.put(Buffer.from(text), remote);
	}

	// One command of ours; resolves to the code of its reply.
	say(command) {
		return new Promise((resolve, reject) => {
			this.rawClient._send(command, (error, text, code) => (error ? reject(error) : resolve(code)));
		});
	}

	// Closes the data connection of a download of which some bytes have come; the code of the final reply.
	async breakOff(remote) {
		const stream = await this.get(remote);
		return new Promise((resolve) => {
			stream.on("error", (error) => resolve(error.code));
			stream.once("data", () => stream.destroy());
			stream.resume();
		});
	}
}

async function main() {
	const { port, user, password, steps } = readJob();
	const client = new Client();
	await client.connect({ host: "127.0.0.1", port, user, password, connTimeout: 20000, pasvTimeout: 20000 });
	try {
		await runSteps(client, steps);
	} finally {
		await client.end();
	}
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
