# Documents.  The option section of transom.conf(5) is printed from the option table when it is built,
# because the defaults hold this build's directories; the Markdown tables are committed, and compared by
# tests/lint (make docs-update writes them anew).
dist_man_MANS += docs/transomctl.8 docs/transomd.8
man_MANS = docs/transom.conf.5
EXTRA_DIST += docs/mdoc-wrap.awk docs/transom.conf.5.in
CLEANFILES += docs/transom.conf.5
dist_doc_DATA += \
	docs/ARCHITECTURE.md docs/BENCHMARKS.md docs/EVENTS.md docs/FTP-COMMANDS.md docs/GUARD-PROTOCOL.md \
	docs/CONTROL-PROTOCOL.md docs/KEEPER-PROTOCOL.md docs/METRICS.md docs/SFTP.md \
	docs/TESTING.md docs/THREATS.md

docs/transom.conf.5: $(srcdir)/docs/transom.conf.5.in $(srcdir)/docs/mdoc-wrap.awk tables-print$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) docs && ./tables-print$(EXEEXT) mdoc-options >$@.rows && \
		awk -f $(srcdir)/docs/mdoc-wrap.awk $@.rows >$@.options && \
		sed -e '/^@OPTIONS@$$/{' -e 'r $@.options' -e 'd' -e '}' \
		-e 's|@sysconfdir@|$(sysconfdir)|g' $(srcdir)/docs/transom.conf.5.in >$@.new && \
		rm -f $@.rows $@.options && mv $@.new $@

docs-update: tables-print$(EXEEXT)
	./tables-print$(EXEEXT) guard-protocol >$(srcdir)/docs/GUARD-PROTOCOL.md
	./tables-print$(EXEEXT) keeper-protocol >$(srcdir)/docs/KEEPER-PROTOCOL.md
	./tables-print$(EXEEXT) control-protocol >$(srcdir)/docs/CONTROL-PROTOCOL.md
	./tables-print$(EXEEXT) metrics >$(srcdir)/docs/METRICS.md
	./tables-print$(EXEEXT) events >$(srcdir)/docs/EVENTS.md
	./tables-print$(EXEEXT) ftp-commands >$(srcdir)/docs/FTP-COMMANDS.md
	./tables-print$(EXEEXT) sftp >$(srcdir)/docs/SFTP.md
.PHONY: docs-update
