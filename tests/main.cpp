#include <gtest/gtest.h>

#include "crypto/keys.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  conclave::crypto::init();
  return RUN_ALL_TESTS();
}
