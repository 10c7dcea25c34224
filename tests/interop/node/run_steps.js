// Shared by the drivers: runs steps [["method", argument, ...], ...] one after the other and prints what each gave, as
// a JSON array; a step that fails gives {"error": reply code or message} and does not end the run.
"use strict";

exports.runSteps = async function (target, steps) {
	const results = [];
	for (const [method, ...given] of steps) {
		try {
			const result = await target[method](...given);
			results.push(result === undefined ? null : result);
		} catch (error) {
			results.push({ error: error.code || error.message });
		}
	}
	process.stdout.write(JSON.stringify(results));
};

// {"port": 1234, "user": "alice", "password": "secret", "steps": [...]}
exports.readJob = function () {
	return JSON.parse(process.argv[2]);
};
