# First steps for people, checks for machines, snippets for packages.
EXTRA_DIST += \
	contrib/check contrib/lib.sh contrib/quickstart \
	contrib/transom.logrotate contrib/transom.service \
	contrib/transom.modules-load contrib/transom.sysusers contrib/transom.tmpfiles
