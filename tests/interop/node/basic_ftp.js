// Steps for the npm package basic-ftp: methods of its Client, on one connection.  With "plain" in the job it
// uses PASV and LIST, as with a server that has nothing newer.
"use strict";

const ftp = require("basic-ftp");
const { readJob, runSteps } = require("./run_steps");

async function main() {
	const { port, user, password, plain, steps } = readJob();
	const client = new ftp.Client(20000);
	try {
		await client.access({ host: "127.0.0.1", port, user, password });
		if (plain) {
			client.prepareTransfer = ftp.enterPassiveModeIPv4;
			client.availableListCommands = ["LIST"];
		}
		await runSteps(client, steps);
	} finally {
		client.close();
	}
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
