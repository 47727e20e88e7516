require "variables"; set "own" "changed";
