/*
 * A table backend that does nothing: every lookup is found, in either protocol. It shows what lies
 * between smtpd and a backend, and nothing else. Descriptor 0 is the connection, as with smtpd.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct header {
	uint32_t type;
	uint16_t length, flags;
	uint32_t peer, pid;
};

static char buffer[65536];
static size_t held;

/* Read once more; end when smtpd is gone. */
static void
more(void)
{
	ssize_t count = read(0, buffer + held, sizeof(buffer) - held - 1);

	if (count <= 0)
		_exit(0);
	held += count;
	buffer[held] = '\0';
}

static void
answer(const void *data, size_t length)
{
	if (write(0, data, length) != (ssize_t)length)
		err(1, "write");
}

static void
imsg(void)
{
	static const char value[] = "value";
	struct header header;
	char reply[sizeof(header) + 4 + sizeof(value)];
	int32_t found = 1;
	size_t length, first = 1;

	for (;;) {
		while (held < sizeof(header))
			more();
		memcpy(&header, buffer, sizeof(header));
		while (held < header.length)
			more();
		if (header.type == 3) /* close */
			_exit(0);
		held -= header.length;
		memmove(buffer, buffer + header.length, held);
		length = first ? sizeof(header) : sizeof(reply);
		header.type = header.flags = 0;
		header.length = length;
		header.pid = getpid();
		memcpy(reply, &header, sizeof(header));
		memcpy(reply + sizeof(header), &found, 4);
		memcpy(reply + sizeof(header) + 4, value, sizeof(value));
		answer(reply, length);
		first = 0;
	}
}

static void
text(void)
{
	static const char services[] =
	    "register|credentials\nregister|userinfo\nregister|ready\n";
	char reply[128], *id, *end;
	int count;

	while (strstr(buffer, "config|ready\n") == NULL)
		more();
	answer(services, sizeof(services) - 1);
	for (held = 0;; held = 0) { /* one request at a time, table|0.1|TIME|NAME|lookup|... */
		do
			more();
		while (buffer[held - 1] != '\n');
		for (id = buffer, count = 0; count < 6; count++)
			if ((id = strchr(id, '|')) == NULL)
				errx(1, "no request");
			else
				id++;
		if ((end = strchr(id, '|')) == NULL)
			errx(1, "no lookup");
		count = snprintf(reply, sizeof(reply), "lookup-result|%.*s|found|value\n",
		    (int)(end - id), id);
		answer(reply, count);
	}
}

int
main(void)
{
	more();
	if (buffer[0] == 'c')
		text();
	imsg();
}
