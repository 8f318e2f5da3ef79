// A ClickHouse server out of the library that chdb installs: `clickhouse local`, told by its query to listen.
#include <stdio.h>

typedef struct chdb_result chdb_result;
chdb_result *chdb_query_cmdline(int argc, char **argv);
const char *chdb_result_error(chdb_result *result);

int main(int argc, char **argv) {
  const char *error = chdb_result_error(chdb_query_cmdline(argc, argv));
  if (error == NULL) return 0;
  fprintf(stderr, "%s\n", error);
  return 1;
}
